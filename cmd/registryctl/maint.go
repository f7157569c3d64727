package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

// maintained is a node or a service instance in maintenance.
type maintained struct {
	Node      string
	ServiceID string `json:",omitempty"`
	Reason    string
}

func (t *tool) maint() *cobra.Command {
	var enable, disable bool
	var reason, service string
	cmd := &cobra.Command{
		Use:   "maint",
		Short: "Put the server's node or a service instance into maintenance, or show what is",
		Long: `Puts an instance (-service=ID), or else the server's whole node, into
maintenance or takes it out: it stays registered, but is not handed out as
healthy. Without -enable and -disable it lists what is in maintenance here.`,
		Example: "  registryctl maint\n  registryctl maint -enable -service=web-1 -reason='new disk'\n  registryctl maint -disable -service=web-1",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if enable && disable {
				return usagef("only one of -enable and -disable can be meant")
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			if !enable && !disable {
				if reason != "" || service != "" {
					return usagef("-reason and -service need -enable or -disable")
				}
				return t.listMaintained(cmd, c)
			}
			state := "enabled"
			if disable {
				state = "disabled"
			}
			if service != "" {
				if err := c.Agent().ServiceMaintenance(cmd.Context(), service, enable, reason); err != nil {
					return err
				}
				return t.done(success{true}, "Service maintenance is now %s for %q", state, service)
			}
			if err := c.Agent().Maintenance(cmd.Context(), enable, reason); err != nil {
				return err
			}
			return t.done(success{true}, "Node maintenance is now %s", state)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&enable, "enable", false, "put into maintenance")
	f.BoolVar(&disable, "disable", false, "take out of maintenance")
	f.StringVar(&reason, "reason", "", "`text` to say why")
	f.StringVar(&service, "service", "", "`ID` of an instance; else the node is meant")
	completeBy(cmd, "service", t.serviceIDs())
	return cmd
}

func (t *tool) listMaintained(cmd *cobra.Command, c *api.Client) error {
	checks, err := c.Agent().Checks(cmd.Context(), "")
	if err != nil {
		return err
	}
	items := []maintained{}
	for _, id := range sortedKeys(checks) {
		ch := checks[id]
		if ch.CheckID == api.NodeMaintenance {
			items = append(items, maintained{Node: ch.Node, Reason: ch.Notes})
		} else if service, ok := strings.CutPrefix(ch.CheckID, api.ServiceMaintenancePrefix); ok {
			items = append(items, maintained{Node: ch.Node, ServiceID: service, Reason: ch.Notes})
		}
	}
	return t.show(items, func(w io.Writer) {
		for i, m := range items {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if m.ServiceID != "" {
				fmt.Fprintf(w, "Service:\n  ID:     %s\n  Reason: %s\n", m.ServiceID, m.Reason)
				continue
			}
			fmt.Fprintf(w, "Node:\n  Name:   %s\n  Reason: %s\n", m.Node, m.Reason)
		}
	})
}
