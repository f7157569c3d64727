package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

// debugParts are what a bundle may hold, in Consul's words where it has them.
func debugParts() []string {
	return []string{"agent", "cluster", "host", "members", "metrics", "logs", "pprof"}
}

func (t *tool) debug() *cobra.Command {
	var o debugOptions
	archive := true
	cmd := &cobra.Command{
		Use:   "debug",
		Short: "Collect what a bug report needs in one file",
		Long: `Writes an archive with the configuration and figures of the server, the members,
the set of servers, the state of the machine, and the log of some seconds; the
profiles of the program, too, if the server has enable_debug. The file tells
names and addresses: look through it before you pass it on. Keys and tokens are
not in it.`,
		Example: "  registryctl debug\n  registryctl debug -duration=1m -output=server-1",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, part := range o.capture {
				if !slices.Contains(debugParts(), part) {
					return usagef("-capture=%s is unknown: use %s", part, strings.Join(debugParts(), ", "))
				}
			}
			if o.duration < 0 || o.interval <= 0 {
				return usagef("-duration and -interval cannot be negative or without length")
			}
			if len(o.capture) == 0 {
				o.capture = debugParts()
			}
			if o.output == "" {
				o.output = "registryd-debug-" + time.Now().UTC().Format("20060102T150405Z")
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			return t.runDebug(cmd.Context(), c, o, archive)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.capture, "capture", nil, "only this `part`: "+strings.Join(debugParts(), ", ")+"; may be repeated")
	f.DurationVar(&o.duration, "duration", 10*time.Second, "`time` for which to collect the log, metrics and profiles")
	f.DurationVar(&o.interval, "interval", 5*time.Second, "`time` between metrics")
	f.StringVar(&o.output, "output", "", "`name` of the file, without .tar.gz")
	f.BoolVar(&archive, "archive", true, "false makes a directory instead")
	complete(cmd, "capture", debugParts()...)
	return cmd
}

// debugOptions say what to collect.
type debugOptions struct {
	capture            []string
	duration, interval time.Duration
	output             string
}

func (t *tool) runDebug(ctx context.Context, c *api.Client, o debugOptions, archive bool) error {
	// A server that does not answer at all is worth no bundle.
	if _, err := c.Agent().Version(ctx); err != nil {
		return err
	}
	out, path, err := openBundle(o.output, archive)
	if err != nil {
		return err
	}
	b := &bundle{to: out, files: []string{}, errors: []string{}}
	if !t.json() {
		fmt.Fprintf(t.err, "collecting for %v …\n", o.duration)
	}
	collect(ctx, c, &t.conn, o, b)
	if err := b.close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return t.show(struct {
		Path          string
		Files, Errors []string
	}{path, b.files, b.errors}, func(w io.Writer) {
		for _, line := range b.errors {
			fmt.Fprintf(w, "not collected: %s\n", line)
		}
		fmt.Fprintf(w, "Saved debug archive: %s\n", path)
	})
}
