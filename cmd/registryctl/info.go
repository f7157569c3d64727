package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) info() *cobra.Command {
	return &cobra.Command{
		Use:     "info",
		Short:   "Show the figures of the server",
		Example: "  registryctl info\n  registryctl info -o json",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			self, err := c.Agent().Self(cmd.Context())
			if err != nil {
				return err
			}
			return t.show(self.Stats, func(w io.Writer) {
				for _, group := range sortedKeys(self.Stats) {
					fmt.Fprintf(w, "%s:\n", group)
					for _, name := range sortedKeys(self.Stats[group]) {
						fmt.Fprintf(w, "\t%s = %s\n", name, self.Stats[group][name])
					}
				}
			})
		},
	}
}

func (t *tool) reload() *cobra.Command {
	return &cobra.Command{
		Use:     "reload",
		Short:   "Make the server read its configuration files again",
		Example: "  registryctl reload",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := c.Agent().Reload(cmd.Context()); err != nil {
				return err
			}
			return t.done(success{true}, "Configuration reload triggered")
		},
	}
}

func (t *tool) monitor() *cobra.Command {
	var level string
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "monitor",
		Short:   "Show the log of the server as it is written",
		Example: "  registryctl monitor\n  registryctl monitor -log-level=debug",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			stream, err := c.Agent().Monitor(cmd.Context(), level, asJSON || t.json())
			if err != nil {
				return err
			}
			defer stream.Close()
			_, err = io.Copy(t.out, stream)
			switch {
			case cmd.Context().Err() != nil:
				return nil // stopped by whoever watched
			case err == nil:
				return errors.New("the server ended the stream")
			}
			return api.Wrap(api.Unavailable, "log stream broke off", err)
		},
	}
	cmd.Flags().StringVar(&level, "log-level", "", "least `level` to show: trace, debug, info (by default), warn or error")
	cmd.Flags().BoolVar(&asJSON, "log-json", false, "one JSON object a line")
	complete(cmd, "log-level", "trace", "debug", "info", "warn", "error")
	return cmd
}
