package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) checks() *cobra.Command {
	var node, service, state, filter string
	var owner bool
	cmd := &cobra.Command{
		Use:   "checks [SERVICE]",
		Short: "List health checks with their status, or report to one",
		Long: `Lists health checks with their status and what they said last. With -owner it
lists those that the cluster runs: which server runs each, when it last ran and
when it runs next. For a TTL check those are the last heartbeat and the end of
the TTL. If the service or node that is asked for has no check the exit code is 2.`,
		Example: `  registryctl checks
  registryctl checks -state=critical
  registryctl checks web
  registryctl checks -owner
  registryctl checks -owner -filter='Owner == "server-1"' -o json
  registryctl checks pass service:web-1 -note='all well'`,
		Args: args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				service = args[0]
			}
			if node != "" && service != "" && !owner {
				return usagef("either a service or a node can be asked for; use -filter for both")
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			q := t.read()
			q.Filter = filter
			if owner {
				return t.checkOwners(cmd.Context(), c, api.CheckRuns{Node: node, Service: service}, state, q)
			}
			var checks []*api.Check
			switch {
			case service != "":
				checks, _, err = c.Health().Checks(cmd.Context(), service, q)
			case node != "":
				checks, _, err = c.Health().Node(cmd.Context(), node, q)
			default:
				checks, _, err = c.Health().State(cmd.Context(), state, q)
			}
			if err != nil {
				return err
			}
			some := inState(checks, state)
			if err := t.show(list(some), func(w io.Writer) { printChecks(w, some) }); err != nil {
				return err
			}
			return noCheck(len(checks), service, node, filter)
		},
		ValidArgsFunction: first(t.serviceNames()),
	}
	f := cmd.Flags()
	f.StringVar(&node, "node", "", "only checks of this `node` and its services")
	f.StringVar(&service, "service", "", "only checks of this `service`")
	f.StringVar(&state, "state", api.AnyState, "only checks in this `state`: passing, warning, critical or any")
	f.StringVar(&filter, "filter", "", "only what this `expression` selects")
	f.BoolVar(&owner, "owner", false, "show who runs the checks, and when")
	complete(cmd, "state", api.AnyState, api.Passing, api.Warning, api.Critical)
	completeBy(cmd, "node", t.nodeNames())
	completeBy(cmd, "service", t.serviceNames())
	cmd.AddCommand(
		t.heartbeat("pass", "Report that a TTL check passes", api.Passing),
		t.heartbeat("warn", "Report a warning to a TTL check", api.Warning),
		t.heartbeat("fail", "Report a failure to a TTL check", api.Critical),
		t.deregisterCheck(),
	)
	return cmd
}

// noCheck says so if what was asked for by name has no check. That none is in
// the state asked for is an answer like another.
func noCheck(found int, service, node, filter string) error {
	var whose string
	switch {
	case found > 0 || service == "" && node == "":
		return nil
	case node == "":
		whose = fmt.Sprintf("service %q", service)
	case service == "":
		whose = fmt.Sprintf("node %q", node)
	default:
		whose = fmt.Sprintf("service %q on node %q", service, node)
	}
	if filter != "" {
		return absentf("no check of %s fits the filter", whose)
	}
	return absentf("no check of %s is registered", whose)
}

func inState(checks []*api.Check, state string) []*api.Check {
	var some []*api.Check
	for _, c := range checks {
		if state == api.AnyState || c.Status == state {
			some = append(some, c)
		}
	}
	return some
}

func printChecks(w io.Writer, checks []*api.Check) {
	var rows [][]string
	for _, c := range checks {
		rows = append(rows, []string{c.Node, c.CheckID, c.ServiceID, c.Status, clip(shown(c.Output), 60)})
	}
	table(w, "Node|Check|Instance|Status|Output", rows)
}

// heartbeat is a command that tells the status of a TTL check.
func (t *tool) heartbeat(word, short, status string) *cobra.Command {
	var note string
	cmd := &cobra.Command{
		Use:     word + " CHECK",
		Short:   short,
		Example: "  registryctl checks " + word + " service:web-1 -note='seen from the door'",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := c.Agent().UpdateTTL(cmd.Context(), args[0], status, note); err != nil {
				return err
			}
			return t.done(success{true}, "Check %s is %s", args[0], status)
		},
		ValidArgsFunction: first(t.checkIDs()),
	}
	cmd.Flags().StringVar(&note, "note", "", "`text` for people")
	return cmd
}

func (t *tool) deregisterCheck() *cobra.Command {
	return &cobra.Command{
		Use:     "deregister CHECK",
		Short:   "Remove a check",
		Example: "  registryctl checks deregister disk",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := c.Agent().DeregisterCheck(cmd.Context(), args[0]); err != nil {
				return err
			}
			return t.done(success{true}, "Deregistered check: %s", args[0])
		},
		ValidArgsFunction: first(t.checkIDs()),
	}
}
