package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) catalog() *cobra.Command {
	return parent("catalog", "List nodes, services and datacenters",
		t.catalogDatacenters(), t.catalogNodes(), t.catalogServices())
}

func (t *tool) catalogDatacenters() *cobra.Command {
	return &cobra.Command{
		Use:     "datacenters",
		Short:   "List the datacenters, nearest first",
		Example: "  registryctl catalog datacenters",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			names, err := c.Catalog().Datacenters(cmd.Context())
			if err != nil {
				return err
			}
			return t.show(list(names), func(w io.Writer) { lines(w, names) })
		},
	}
}

func (t *tool) catalogNodes() *cobra.Command {
	var detailed bool
	var near, service, filter string
	var meta map[string]string
	cmd := &cobra.Command{
		Use:     "nodes",
		Short:   "List the nodes, or those that have a service",
		Example: "  registryctl catalog nodes\n  registryctl catalog nodes -service=web -detailed",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			q := t.read()
			q.Near, q.NodeMeta, q.Filter = near, meta, filter
			var nodes []*api.Node
			if service != "" {
				nodes, err = nodesOf(cmd, c, service, q)
			} else {
				nodes, _, err = c.Catalog().Nodes(cmd.Context(), q)
			}
			if err != nil {
				return err
			}
			return t.show(list(nodes), func(w io.Writer) { printNodes(w, nodes, detailed) })
		},
	}
	f := cmd.Flags()
	f.BoolVar(&detailed, "detailed", false, "show whole IDs, all addresses and metadata")
	f.StringVar(&service, "service", "", "only nodes that have this `service`")
	nearFlag(cmd, t, &near)
	metaVar(f, &meta, "node-meta", "only nodes with this `key=value` in their metadata; may be repeated")
	f.StringVar(&filter, "filter", "", "only what this `expression` selects")
	completeBy(cmd, "service", t.serviceNames())
	return cmd
}

// nodesOf lists the nodes that have instances of a service, each once.
func nodesOf(cmd *cobra.Command, c *api.Client, service string, q *api.QueryOptions) ([]*api.Node, error) {
	instances, _, err := c.Catalog().Service(cmd.Context(), service, q)
	var nodes []*api.Node
	seen := map[string]bool{}
	for _, s := range instances {
		if !seen[s.Node] {
			seen[s.Node] = true
			nodes = append(nodes, &api.Node{ID: s.ID, Node: s.Node, Address: s.Address, Datacenter: s.Datacenter,
				TaggedAddresses: s.TaggedAddresses, Meta: s.NodeMeta})
		}
	}
	return nodes, err
}

func printNodes(w io.Writer, nodes []*api.Node, detailed bool) {
	if len(nodes) == 0 {
		fmt.Fprintln(w, "No nodes match the given query - try expanding your search.")
		return
	}
	var rows [][]string
	for _, n := range nodes {
		if detailed {
			rows = append(rows, []string{n.Node, n.ID, n.Address, n.Datacenter, pairs(n.TaggedAddresses), pairs(n.Meta)})
			continue
		}
		id, _, _ := strings.Cut(n.ID, "-")
		rows = append(rows, []string{n.Node, id, n.Address, n.Datacenter})
	}
	if detailed {
		table(w, "Node|ID|Address|DC|TaggedAddresses|Meta", rows)
		return
	}
	table(w, "Node|ID|Address|DC", rows)
}

func (t *tool) catalogServices() *cobra.Command {
	var tags bool
	var node string
	var meta map[string]string
	cmd := &cobra.Command{
		Use:     "services",
		Short:   "List the names of all services, or of those on a node",
		Example: "  registryctl catalog services\n  registryctl catalog services -tags\n  registryctl catalog services -node=server-1",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			q := t.read()
			q.NodeMeta = meta
			var services map[string][]string
			if node != "" {
				services, err = servicesOn(cmd, c, node, q)
			} else {
				services, _, err = c.Catalog().Services(cmd.Context(), q)
			}
			if err != nil {
				return err
			}
			return t.show(services, func(w io.Writer) {
				if len(services) == 0 {
					fmt.Fprintln(w, "No services match the given query - try expanding your search.")
					return
				}
				printServices(w, services, tags)
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&tags, "tags", false, "show the tags, too")
	f.StringVar(&node, "node", "", "only services on this `node`, by name or ID")
	metaVar(f, &meta, "node-meta", "only services on nodes with this `key=value` in their metadata; may be repeated")
	completeBy(cmd, "node", t.nodeNames())
	return cmd
}

// servicesOn lists the services on a node with their tags.
func servicesOn(cmd *cobra.Command, c *api.Client, node string, q *api.QueryOptions) (map[string][]string, error) {
	n, _, err := c.Catalog().Node(cmd.Context(), node, q)
	if err != nil {
		return nil, err
	}
	services := map[string][]string{}
	for _, s := range n.Services {
		tags := append(services[s.Service], s.Tags...)
		slices.Sort(tags)
		services[s.Service] = list(slices.Compact(tags))
	}
	return services, nil
}

func printServices(w io.Writer, services map[string][]string, tags bool) {
	names := sortedKeys(services)
	if !tags {
		lines(w, names)
		return
	}
	var rows [][]string
	for _, name := range names {
		row := []string{name}
		if of := slices.Sorted(slices.Values(services[name])); len(of) > 0 {
			row = append(row, strings.Join(of, ","))
		}
		rows = append(rows, row)
	}
	columns(w, rows)
}

// lines prints words below each other.
func lines(w io.Writer, words []string) {
	for _, word := range words {
		fmt.Fprintln(w, word)
	}
}

// nearFlag defines -near.
func nearFlag(cmd *cobra.Command, t *tool, near *string) {
	cmd.Flags().StringVar(near, "near", "", "sort by distance from this `node`; _agent is the server asked")
	completeBy(cmd, "near", t.nodeNames())
}
