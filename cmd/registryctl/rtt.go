package main

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) rtt() *cobra.Command {
	var wan bool
	cmd := &cobra.Command{
		Use:   "rtt NODE [NODE]",
		Short: "Estimate the round-trip time between two nodes",
		Long: `Estimates the round-trip time between two nodes, or between one and the server
that is asked, from their network coordinates. With -wan the nodes are servers,
written name.datacenter.`,
		Example: "  registryctl rtt server-1 server-2\n  registryctl rtt -wan server-1.dc1 server-4.dc2",
		Args:    args(1, 2),
		RunE: func(cmd *cobra.Command, nodes []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if len(nodes) == 1 {
				self, err := c.Agent().Self(cmd.Context())
				if err != nil {
					return err
				}
				own := self.Config.NodeName
				if wan {
					own += "." + self.Config.Datacenter
				}
				nodes = append(nodes, own)
			}
			find, source := t.coordinateLAN, "LAN"
			if wan {
				find, source = coordinateWAN, "WAN"
			}
			a, err := find(cmd.Context(), c, nodes[0])
			if err != nil {
				return err
			}
			b, err := find(cmd.Context(), c, nodes[1])
			if err != nil {
				return err
			}
			d, err := distance(a, b)
			if err != nil {
				return err
			}
			ms := d.Seconds() * 1000
			return t.done(struct {
				A, B         string
				Milliseconds float64
			}{nodes[0], nodes[1], ms}, "Estimated %s <-> %s rtt: %.3f ms (using %s coordinates)", nodes[0], nodes[1], ms, source)
		},
		ValidArgsFunction: t.nodeNames(),
	}
	cmd.Flags().BoolVar(&wan, "wan", false, "use the coordinates between datacenters")
	return cmd
}

func (t *tool) coordinateLAN(ctx context.Context, c *api.Client, node string) (*api.Coordinate, error) {
	entries, _, err := c.Coordinates().Node(ctx, node, t.read())
	if err != nil && !errors.Is(err, api.NotFound) {
		return nil, err
	}
	if len(entries) == 0 || entries[0].Coord == nil {
		return nil, noCoordinate(node)
	}
	return entries[0].Coord, nil
}

func coordinateWAN(ctx context.Context, c *api.Client, node string) (*api.Coordinate, error) {
	name, dc, ok := cutLast(node, ".")
	if !ok {
		return nil, usagef("node %q must be written name.datacenter with -wan", node)
	}
	all, err := c.Coordinates().Datacenters(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.Datacenter != dc {
			continue
		}
		for _, e := range d.Coordinates {
			if host, _, _ := strings.Cut(e.Node, "."+dc); host == name && e.Coord != nil {
				return e.Coord, nil
			}
		}
	}
	return nil, noCoordinate(node)
}

func noCoordinate(node string) error {
	return api.E(api.NotFound, "no coordinate of node \""+node+"\" is known: coordinates are measured between servers, and take some seconds after a start")
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// distance estimates the round-trip time between two coordinates: the length of
// the vector between them plus both heights, corrected by the adjustments
// unless that would make it negative (Dabek et al., "Vivaldi", and Lee et al.,
// "On Suitability of Euclidean Embedding for Host-Based Network Coordinate
// Systems").
func distance(a, b *api.Coordinate) (time.Duration, error) {
	if len(a.Vec) != len(b.Vec) {
		return 0, errors.New("the nodes' coordinates have different dimensions")
	}
	sum := 0.0
	for i := range a.Vec {
		d := a.Vec[i] - b.Vec[i]
		sum += d * d
	}
	rtt := math.Sqrt(sum) + a.Height + b.Height
	if adjusted := rtt + a.Adjustment + b.Adjustment; adjusted > 0 {
		rtt = adjusted
	}
	return time.Duration(rtt * float64(time.Second)), nil
}
