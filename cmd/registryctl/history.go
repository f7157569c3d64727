package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

// pastOf is whose history is asked for, and how much of it.
type pastOf struct {
	service, node string
	since         string
	limit         int
	filter        string
}

func (t *tool) history() *cobra.Command {
	var p pastOf
	var follow bool
	cmd := &cobra.Command{
		Use:   "history [SERVICE]",
		Short: "Show what happened to a service or a node: when, why, and who asked",
		Long: `Shows what happened to the instances of a service and to their checks, newest
last: changes of status with what the check said, what was registered, changed
and removed, what was handed to another server; and which server, for which
client, asked for it. With -node it shows that of a node with all on it, without
either that of everything. How much is remembered is a matter of the servers'
configuration (history { max_count, max_age }).

With -follow it goes on, a line each, until it is stopped.`,
		Example: `  registryctl history web
  registryctl history web -since=2h -o json
  registryctl history -node server-1 -limit=10
  registryctl history -filter='Kind == "registered"'
  registryctl history web -follow`,
		Args: args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				p.service = args[0]
			}
			if p.service != "" && p.node != "" {
				return usagef("either a service or a node can be asked for; use -filter for both")
			}
			q := t.read()
			var err error
			if q.Since, err = pointInTime(p.since); err != nil {
				return err
			}
			if p.limit < 0 {
				return usagef("-limit must be at least 0")
			}
			q.Limit, q.Filter = p.limit, p.filter
			c, err := t.client()
			if err != nil {
				return err
			}
			if follow {
				return t.followPast(cmd.Context(), c, p, *q)
			}
			events, _, err := p.read(cmd.Context(), c, q)
			if err != nil {
				return err
			}
			if err := t.show(list(events), func(w io.Writer) { printPast(w, events) }); err != nil || len(events) > 0 {
				return err
			}
			return absentf("nothing is remembered%s", p.words())
		},
		ValidArgsFunction: first(t.serviceNames()),
	}
	f := cmd.Flags()
	f.StringVar(&p.node, "node", "", "that of this `node`")
	f.StringVar(&p.since, "since", "", "only what happened since a `time`: 2h for two hours ago, or as 2006-01-02T15:04:05Z")
	f.IntVar(&p.limit, "limit", 100, "at most so many, the newest; 0 for `all`")
	f.StringVar(&p.filter, "filter", "", "only what this `expression` selects")
	f.BoolVarP(&follow, "follow", "f", false, "go on with what happens from now on")
	completeBy(cmd, "node", t.nodeNames())
	return cmd
}

// pointInTime reads the value of -since.
func pointInTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return time.Now().Add(-d.Abs()), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usagef("-since=%s is no time: use a duration such as 2h, or a time such as 2006-01-02T15:04:05Z", text)
	}
	return at, nil
}

func (p *pastOf) read(ctx context.Context, c *api.Client, q *api.QueryOptions) ([]*api.HistoryEvent, api.QueryMeta, error) {
	switch {
	case p.service != "":
		return c.History().Service(ctx, p.service, q)
	case p.node != "":
		return c.History().Node(ctx, p.node, q)
	}
	return c.History().All(ctx, q)
}

// words says whose history was asked for, and that not all of it was.
func (p *pastOf) words() (s string) {
	switch {
	case p.service != "":
		s = fmt.Sprintf(" of service %q", p.service)
	case p.node != "":
		s = fmt.Sprintf(" of node %q", p.node)
	}
	if p.since != "" || p.filter != "" {
		s += " that was asked for"
	}
	return s
}

func printPast(w io.Writer, events []*api.HistoryEvent) {
	var rows [][]string
	for _, e := range events {
		rows = append(rows, []string{e.Time.Local().Format(time.DateTime), e.Node, e.ServiceID, whatHappened(e), fromTo(e), askedBy(e), e.Reason})
	}
	table(w, "Time|Node|Instance|What|Change|By|Reason", rows)
}

// whatHappened is the kind of the event and the check that it is about.
func whatHappened(e *api.HistoryEvent) string {
	switch {
	case e.CheckID == "":
		return e.Kind
	case e.Kind == api.HistoryCheck:
		return e.Kind + " " + e.CheckID
	}
	return e.Kind + " check " + e.CheckID
}

func fromTo(e *api.HistoryEvent) string {
	switch {
	case e.From == "" && e.To == "":
		return ""
	case e.From == "":
		return e.To
	case e.To == "":
		return "was " + e.From
	}
	return e.From + " -> " + e.To
}

func askedBy(e *api.HistoryEvent) string {
	if e.Client == "" {
		return e.Server
	}
	return e.Server + " for " + e.Client
}

// followPast prints what has happened and then what happens, until ctx ends,
// which is no error.
func (t *tool) followPast(whole context.Context, c *api.Client, p pastOf, q api.QueryOptions) error {
	ctx, cancel := context.WithCancelCause(whole)
	defer cancel(nil)
	seen := false
	var last uint64 // index up to which everything was told
	out := outage{t: t}
	o := &api.WatchOptions{
		QueryOptions: q,
		OnError: func(err error, _ time.Duration) {
			if !seen {
				cancel(err)
				return
			}
			out.began(err)
		},
	}
	fetch := func(ctx context.Context, q *api.QueryOptions) ([]*api.HistoryEvent, api.QueryMeta, error) {
		if seen {
			q.Limit, q.After = 0, last
		}
		events, meta, err := p.read(ctx, c, q)
		if err == nil {
			last, seen = meta.Index, true
			out.ended()
		}
		return events, meta, err
	}
	err := api.Watch(ctx, fetch, func(events []*api.HistoryEvent, _ api.QueryMeta) {
		for _, e := range events {
			if err := t.tellPast(e); err != nil {
				cancel(err)
				return
			}
		}
	}, o)
	return stopped(whole, ctx, err)
}

// tellPast prints an event as a line.
func (t *tool) tellPast(e *api.HistoryEvent) error {
	if t.json() {
		return writeLine(t.out, e)
	}
	line := fmt.Sprintf("%s  %-10s  ", e.Time.Local().Format(time.DateTime), e.Kind)
	switch {
	case e.CheckID != "" && e.ServiceID != "":
		line += e.CheckID + " of " + e.ServiceID + " on " + e.Node
	case e.CheckID != "":
		line += e.CheckID + " on " + e.Node
	case e.ServiceID != "":
		line += e.ServiceID + " on " + e.Node
	default:
		line += e.Node
	}
	for _, part := range []string{fromTo(e), e.Reason} {
		if part != "" {
			line += "  " + shown(part)
		}
	}
	if by := askedBy(e); by != "" {
		line += "  (" + by + ")"
	}
	_, err := fmt.Fprintln(t.out, line)
	return err
}
