package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) session() *cobra.Command {
	return parent("session", "Create, renew and end the sessions that locks hang on",
		t.sessionCreate(), t.sessionList(), t.sessionInfo(), t.sessionRenew(), t.sessionDestroy())
}

func (t *tool) sessionCreate() *cobra.Command {
	var r api.SessionRequest
	var services []string
	delay := time.Duration(-1)
	cmd := &cobra.Command{
		Use:     "create",
		Short:   "Create a session and print its ID",
		Example: "  registryctl session create -name=migration -ttl=30s\n  registryctl session create -ttl=15s -behavior=delete -lock-delay=0s",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("lock-delay") {
				r.LockDelay = delay
				if delay == 0 {
					r.LockDelay = -1 // the client's word for none
				}
			}
			for _, id := range services {
				r.ServiceChecks = append(r.ServiceChecks, api.ServiceCheck{ID: id})
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			id, err := c.Sessions().Create(cmd.Context(), &r)
			if err != nil {
				return err
			}
			return t.done(struct{ ID string }{id}, "%s", id)
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Name, "name", "", "`name` for people")
	f.StringVar(&r.Node, "node", "", "`node` it belongs to; the server's by default")
	f.DurationVar(&r.TTL, "ttl", 0, "end it when it is not renewed for this `time`, from 10s to 24h; by default never")
	f.DurationVar(&delay, "lock-delay", 15*time.Second, "`time` for which nobody gets its locks when it ends")
	f.StringVar(&r.Behavior, "behavior", "", "what happens to its keys at the end: release (by default) or delete")
	f.StringArrayVar(&r.NodeChecks, "node-check", nil, "`ID` of a node check that ends it when critical; may be repeated")
	f.StringArrayVar(&services, "service-check", nil, "`ID` of such a service check; may be repeated")
	complete(cmd, "behavior", api.SessionRelease, api.SessionDelete)
	completeBy(cmd, "node", t.nodeNames())
	return cmd
}

func (t *tool) sessionList() *cobra.Command {
	var node string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the sessions, or those of a node",
		Example: "  registryctl session list\n  registryctl session list -node=server-1",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			var sessions []*api.Session
			if node != "" {
				sessions, _, err = c.Sessions().Node(cmd.Context(), node, t.read())
			} else {
				sessions, _, err = c.Sessions().List(cmd.Context(), t.read())
			}
			if err != nil {
				return err
			}
			return t.show(list(sessions), func(w io.Writer) { printSessions(w, sessions) })
		},
	}
	cmd.Flags().StringVar(&node, "node", "", "only sessions of this `node`")
	completeBy(cmd, "node", t.nodeNames())
	return cmd
}

func (t *tool) sessionInfo() *cobra.Command {
	return t.ofSession("info SESSION", "Show a session", "  registryctl session info 8b1e…",
		func(ctx context.Context, c *api.Client, id string) error {
			s, _, err := c.Sessions().Info(ctx, id, t.read())
			return t.oneSession(id, s, err)
		})
}

func (t *tool) sessionRenew() *cobra.Command {
	return t.ofSession("renew SESSION", "Set the deadline of a session's TTL anew", "  registryctl session renew 8b1e…",
		func(ctx context.Context, c *api.Client, id string) error {
			s, err := c.Sessions().Renew(ctx, id)
			return t.oneSession(id, s, err)
		})
}

func (t *tool) sessionDestroy() *cobra.Command {
	return t.ofSession("destroy SESSION", "End a session and let go of its locks", "  registryctl session destroy 8b1e…",
		func(ctx context.Context, c *api.Client, id string) error {
			if err := c.Sessions().Destroy(ctx, id); err != nil {
				return err
			}
			return t.done(success{true}, "Destroyed session: %s", id)
		})
}

// ofSession is a command that takes the ID of a session.
func (t *tool) ofSession(use, short, example string, do func(context.Context, *api.Client, string) error) *cobra.Command {
	return &cobra.Command{
		Use:     use,
		Short:   short,
		Example: example,
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			return do(cmd.Context(), c, args[0])
		},
		ValidArgsFunction: first(t.sessionIDs()),
	}
}

func (t *tool) oneSession(id string, s *api.Session, err error) error {
	if errors.Is(err, api.NotFound) {
		return absentf("there is no session %q, or no longer", id)
	}
	if err != nil {
		return err
	}
	return t.show(s, func(w io.Writer) { printSessions(w, []*api.Session{s}) })
}

func printSessions(w io.Writer, sessions []*api.Session) {
	var rows [][]string
	for _, s := range sessions {
		checks := append([]string{}, s.NodeChecks...)
		for _, c := range s.ServiceChecks {
			checks = append(checks, c.ID)
		}
		rows = append(rows, []string{s.ID, s.Name, s.Node, s.TTL, time.Duration(s.LockDelay).String(), s.Behavior, strings.Join(checks, ",")})
	}
	table(w, "ID|Name|Node|TTL|LockDelay|Behavior|Checks", rows)
}

// sessionIDs offers the IDs of all sessions.
func (t *tool) sessionIDs() completer {
	return t.live(func(ctx context.Context, c *api.Client) ([]string, error) {
		sessions, _, err := c.Sessions().List(ctx, &api.QueryOptions{Consistency: api.ReadStale})
		var ids []string
		for _, s := range sessions {
			ids = append(ids, s.ID+"\t"+s.Name)
		}
		return ids, err
	})
}
