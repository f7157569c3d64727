package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) lookup() *cobra.Command {
	var s selection
	var d dnsLookup
	cmd := &cobra.Command{
		Use:   "lookup SERVICE",
		Short: "Print where the instances of a service can be reached",
		Long: `Prints a line host:port for each instance of the service, healthy or not
unless --passing is given. If there is none the exit code is 2.

With --dns it asks as a program would that knows only DNS. A SERVICE that ends
with a dot is then the whole name to ask for.`,
		Example: "  registryctl lookup web --passing\n  registryctl lookup web --tag=v2 --near=_agent\n  registryctl lookup web --dns --dns-addr=127.0.0.1:8600\n  registryctl lookup web --dns --dns-type=a\n  curl http://$(registryctl lookup web --passing | shuf -n1)/",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := d.check(cmd, &s); err != nil {
				return err
			}
			if d.on {
				return t.lookupDNS(cmd.Context(), d, args[0], &s)
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			entries, _, err := c.Health().Service(cmd.Context(), args[0], s.apply(t.read()))
			if err != nil {
				return err
			}
			if err := t.show(list(entries), func(w io.Writer) {
				for _, e := range entries {
					fmt.Fprintln(w, hostPort(e))
				}
			}); err != nil || len(entries) > 0 {
				return err
			}
			return absentf("no instance of %q%s", args[0], s.words())
		},
		ValidArgsFunction: first(t.serviceNames()),
	}
	s.flags(cmd, t)
	d.flags(cmd)
	return cmd
}

// selection is which instances of a service are meant.
type selection struct {
	passing bool
	tags    []string
	near    string
	filter  string
	meta    map[string]string
}

func (s *selection) flags(cmd *cobra.Command, t *tool) {
	f := cmd.Flags()
	f.BoolVar(&s.passing, "passing", false, "only instances all of whose checks pass")
	f.StringArrayVar(&s.tags, "tag", nil, "only instances with this `tag`; may be repeated, all must fit")
	metaVar(f, &s.meta, "node-meta", "only on nodes with this `key=value` in their metadata; may be repeated")
	f.StringVar(&s.filter, "filter", "", "only what this `expression` selects")
	nearFlag(cmd, t, &s.near)
}

// apply adds the selection to the options of a read.
func (s *selection) apply(q *api.QueryOptions) *api.QueryOptions {
	q.Passing, q.Tags, q.Near, q.Filter, q.NodeMeta = s.passing, s.tags, s.near, s.filter, s.meta
	return q
}

// words says what was selected, for messages.
func (s *selection) words() string {
	switch {
	case s.passing && len(s.tags)+len(s.meta)+len(s.filter) > 0:
		return " passes its checks and fits the flags"
	case s.passing:
		return " passes its checks"
	case len(s.tags)+len(s.meta)+len(s.filter) > 0:
		return " fits the flags"
	}
	return " is registered"
}
