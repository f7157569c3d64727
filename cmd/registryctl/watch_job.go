package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

// watchJob is a watch of one of Consul's types, as the flags say it.
type watchJob struct {
	t       *tool
	command []string // the handler; none means that the state is printed once

	kind        string
	key, prefix string
	service     string
	state       string
	event       string
	passingOnly string // "true" or "false", as Consul's tools take it
	shell       bool
	selection   selection
}

func (w *watchJob) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&w.kind, "type", "", "`type` of what to watch, see above; without it the arguments are a service to show")
	f.StringVar(&w.key, "key", "", "`key` to watch")
	f.StringVar(&w.prefix, "prefix", "", "`prefix` of the keys to watch; empty means all")
	f.StringVar(&w.service, "service", "", "`service` to watch")
	f.StringVar(&w.state, "state", "", "`state` of the checks to watch: passing, warning, critical or any")
	f.StringVar(&w.event, "name", "", "`name` of the events to watch; all by default")
	f.StringVar(&w.passingOnly, "passingonly", "false", "the same as -passing, as Consul's tools write it: `true|false`")
	f.BoolVar(&w.shell, "shell", true, "run a command of a single word with a shell")
	w.selection.flags(cmd, w.t)
	complete(cmd, "type", sortedKeys(watchFlags())...)
	complete(cmd, "state", api.AnyState, api.Passing, api.Warning, api.Critical)
	complete(cmd, "passingonly", "true", "false")
	completeBy(cmd, "key", w.t.keys())
	completeBy(cmd, "prefix", w.t.keys())
	completeBy(cmd, "service", w.t.serviceNames())
}

// watchFlags lists for each type the flags it takes, beside those that all
// commands have.
func watchFlags() map[string][]string {
	return map[string][]string{
		"service":       {"service", "tag", "passingonly", "passing", "filter", "near", "node-meta"},
		"checks":        {"service", "state", "filter"},
		"services":      {"node-meta", "filter"},
		"nodes":         {"node-meta", "filter", "near"},
		"key":           {"key"},
		"keyprefix":     {"prefix"},
		"event":         {"name"},
		"connect_roots": {},
		"connect_leaf":  {"service"},
	}
}

// ownFlags are the flags that belong to some type only.
func ownFlags() []string {
	var all []string
	for _, names := range watchFlags() {
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// untyped refuses the flags that mean nothing without -type.
func (w *watchJob) untyped(cmd *cobra.Command) error {
	for _, name := range []string{"key", "prefix", "service", "state", "name", "passingonly", "shell"} {
		if cmd.Flags().Changed(name) {
			return usagef("-%s needs -type (see %s --help)", name, cmd.CommandPath())
		}
	}
	return nil
}

// check refuses a type that does not exist and flags that do not fit it.
func (w *watchJob) check(cmd *cobra.Command) error {
	takes, ok := watchFlags()[w.kind]
	if !ok {
		return usagef("-type=%s is unknown: use one of %s", w.kind, strings.Join(sortedKeys(watchFlags()), ", "))
	}
	for _, name := range ownFlags() {
		if cmd.Flags().Changed(name) && !slices.Contains(takes, name) {
			return usagef("-%s is nothing that -type=%s takes", name, w.kind)
		}
	}
	passing, err := strconv.ParseBool(w.passingOnly)
	if err != nil {
		return usagef("-passingonly is %q, want true or false", w.passingOnly)
	}
	w.selection.passing = w.selection.passing || passing
	switch {
	case w.kind == "key" && w.key == "":
		return usagef("-type=key needs -key")
	case w.kind == "keyprefix" && !cmd.Flags().Changed("prefix"):
		return usagef("-type=keyprefix needs -prefix")
	case (w.kind == "service" || w.kind == "connect_leaf") && w.service == "":
		return usagef("-type=%s needs -service", w.kind)
	case w.kind == "checks" && w.service != "" && w.state != "":
		return usagef("either -service or -state can be given")
	}
	return nil
}

// run watches until ctx ends, which is no error, or the handler fails. Without
// a handler it prints the first state.
func (w *watchJob) run(ctx context.Context, c *api.Client) error {
	whole := ctx
	ctx, cancel := context.WithCancelCause(whole)
	defer cancel(nil)
	out := outage{t: w.t}
	o := &api.WatchOptions{
		QueryOptions: *w.selection.apply(w.t.read()),
		OnError: func(err error, _ time.Duration) {
			if len(w.command) == 0 {
				cancel(err)
				return
			}
			out.began(err) // a handler is set up once and waits for servers
		},
	}
	err := w.start(ctx, c, o, func(state any, meta api.QueryMeta) {
		out.ended()
		if len(w.command) == 0 {
			cancel(orCanceled(writeJSON(w.t.out, state)))
			return
		}
		if err := w.handle(ctx, state, meta.Index); err != nil {
			cancel(err)
		}
	})
	return stopped(whole, ctx, err)
}

// orCanceled makes success the ordinary end of a watch.
func orCanceled(err error) error {
	if err == nil {
		return context.Canceled
	}
	return err
}
