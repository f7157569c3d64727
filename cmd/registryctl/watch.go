package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) watch() *cobra.Command {
	var s selection
	cmd := &cobra.Command{
		Use:   "watch SERVICE",
		Short: "Show as it happens which instances come, go and change state",
		Long: `Shows the present instances of a service and then, a line each, which come,
which go and which change state or address, until it is stopped. It goes on
when servers die, with the next one of --http-addr.`,
		Example: "  registryctl watch web\n  registryctl watch web --tag=v2 -o json",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			return t.follow(cmd.Context(), c, args[0], *s.apply(t.read()))
		},
		ValidArgsFunction: first(t.serviceNames()),
	}
	s.flags(cmd, t)
	return cmd
}

// follow prints the changes of a service until ctx ends, which is no error.
func (t *tool) follow(ctx context.Context, c *api.Client, service string, q api.QueryOptions) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	seen, away := false, false
	known := map[string]sighting{}
	o := &api.WatchOptions{
		QueryOptions: q,
		OnError: func(err error, _ time.Duration) {
			switch {
			case !seen:
				cancel(err) // most likely the address is wrong
			case !away:
				away = true
				fmt.Fprintf(t.err, "%s  %s; trying again\n", time.Now().Format(time.TimeOnly), t.explain(err))
			}
		},
	}
	err := c.WatchService(ctx, service, o, func(entries []*api.Entry, _ api.QueryMeta) {
		if away {
			away = false
			fmt.Fprintf(t.err, "%s  servers answer again\n", time.Now().Format(time.TimeOnly))
		}
		now := sightings(entries)
		for _, ch := range compare(known, now, !seen) {
			ch.Time = time.Now()
			if err := t.tell(ch); err != nil {
				cancel(err)
			}
		}
		if !seen && len(entries) == 0 && !t.json() {
			fmt.Fprintf(t.err, "%s  no instance of %q so far\n", time.Now().Format(time.TimeOnly), service)
		}
		known, seen = now, true
	})
	if cause := context.Cause(ctx); cause != nil && ctx.Err() == err {
		err = cause
	}
	if err == context.Canceled {
		return nil
	}
	return err
}

// sighting is what is shown of an instance.
type sighting struct {
	node, id, address, status, why string
}

// sightings lists entries by what tells them apart.
func sightings(entries []*api.Entry) map[string]sighting {
	m := make(map[string]sighting, len(entries))
	for _, e := range entries {
		m[e.Node.Node+"\x00"+e.Service.ID] = sighting{e.Node.Node, e.Service.ID, hostPort(e), e.Status(), troubles(e)}
	}
	return m
}

// change is a line of the watch.
type change struct {
	Time    time.Time
	Change  string // "present", "came", "went", "moved" or "state"
	ID      string
	Node    string
	Address string
	Status  string
	Was     string `json:",omitempty"` // the status or address before
	Why     string `json:",omitempty"` // the checks that do not pass
}

// compare says what became of the instances, sorted by ID and node. First is
// for those that were there when the watch began.
func compare(before, now map[string]sighting, first bool) []change {
	var list []change
	add := func(s sighting, what, was string) {
		list = append(list, change{Change: what, ID: s.id, Node: s.node, Address: s.address, Status: s.status, Was: was, Why: s.why})
	}
	for key, s := range now {
		old, known := before[key]
		switch {
		case !known && first:
			add(s, "present", "")
		case !known:
			add(s, "came", "")
		default:
			if old.address != s.address {
				add(s, "moved", old.address)
			}
			if old.status != s.status {
				add(s, "state", old.status)
			}
		}
	}
	for key, s := range before {
		if _, there := now[key]; !there {
			add(s, "went", "")
		}
	}
	slices.SortStableFunc(list, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Node, b.Node))
	})
	return list
}

// tell prints a change.
func (t *tool) tell(c change) error {
	if t.json() {
		return writeLine(t.out, c)
	}
	line := fmt.Sprintf("%s  %-7s  %s on %s at %s  ", c.Time.Format(time.TimeOnly), c.Change, c.ID, c.Node, c.Address)
	switch c.Change {
	case "state":
		line += c.Was + " -> " + c.Status
	case "moved":
		line += c.Status + ", was at " + c.Was
	default:
		line += c.Status
	}
	if c.Why != "" && c.Change != "went" {
		line += "  (" + c.Why + ")"
	}
	_, err := fmt.Fprintln(t.out, line)
	return err
}
