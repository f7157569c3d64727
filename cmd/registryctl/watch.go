package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) watch() *cobra.Command {
	var w watchJob
	w.t = t
	cmd := &cobra.Command{
		Use:   "watch SERVICE | -type=TYPE [COMMAND...]",
		Short: "Show which instances come, go and change state, or run a command at changes",
		Long: `Shows the present instances of a service and then, a line each, which come,
which go and which change state or address, until it is stopped. It goes on
when servers die, with the next one of --http-addr.

With -type it watches as Consul's tools do, and runs COMMAND now and at each
change, with the new state as JSON on its standard input and the index of the
state in CONSUL_INDEX. While COMMAND runs, changes gather; if it fails the watch
ends with exit code 1. Without COMMAND it prints the state once. The types, and
what they take:

  service       -service, -tag, -passingonly, -filter, -near, -node-meta
  checks        -service or -state, -filter
  services      -node-meta, -filter
  nodes         -node-meta, -filter, -near
  key           -key
  keyprefix     -prefix
  event         -name; after the first time, only the new events
  connect_roots
  connect_leaf  -service

A COMMAND of a single word is a line of shell unless -shell=false.`,
		Example: `  registryctl watch web
  registryctl watch web --tag=v2 -o json
  registryctl watch -type=service -service=web -passingonly=true ./reload.sh
  registryctl watch -type=key -key=app/color 'cat > color.json'
  registryctl watch -type=checks -state=critical -- ./alert --channel ops
  registryctl watch -type=services`,
		Args: func(cmd *cobra.Command, given []string) error {
			if w.kind != "" {
				return nil
			}
			return args(1, 1)(cmd, given)
		},
		Annotations: map[string]string{argsHandler: "type"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if w.kind == "" {
				if err := w.untyped(cmd); err != nil {
					return err
				}
			} else if err := w.check(cmd); err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			if w.kind == "" {
				return t.follow(cmd.Context(), c, args[0], *w.selection.apply(t.read()))
			}
			w.command = args
			return w.run(cmd.Context(), c)
		},
		ValidArgsFunction: first(t.serviceNames()),
	}
	w.flags(cmd)
	return cmd
}

// follow prints the changes of a service until ctx ends, which is no error.
func (t *tool) follow(ctx context.Context, c *api.Client, service string, q api.QueryOptions) error {
	whole := ctx
	ctx, cancel := context.WithCancelCause(whole)
	defer cancel(nil)
	seen := false
	out := outage{t: t}
	known := map[string]sighting{}
	o := &api.WatchOptions{
		QueryOptions: q,
		OnError: func(err error, _ time.Duration) {
			if !seen {
				cancel(err) // most likely the address is wrong
				return
			}
			out.began(err)
		},
	}
	err := c.WatchService(ctx, service, o, func(entries []*api.Entry, _ api.QueryMeta) {
		out.ended()
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
	return stopped(whole, ctx, err)
}

// stopped is the error of a watch below ctx, which is below whole: none if
// whoever watched ended the whole, else what ended ctx.
func stopped(whole, ctx context.Context, err error) error {
	if whole.Err() != nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
		err = cause
	}
	if err == context.Canceled {
		return nil
	}
	return err
}

// outage tells people, once each time, that no server answers.
type outage struct {
	t    *tool
	away bool
}

func (o *outage) began(err error) {
	if !o.away {
		o.away = true
		fmt.Fprintf(o.t.err, "%s  %s; trying again\n", time.Now().Format(time.TimeOnly), o.t.explain(err))
	}
}

func (o *outage) ended() {
	if o.away {
		o.away = false
		fmt.Fprintf(o.t.err, "%s  servers answer again\n", time.Now().Format(time.TimeOnly))
	}
}
