package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/internal/config"
)

func (t *tool) validate() *cobra.Command {
	var quiet bool
	var format string
	cmd := &cobra.Command{
		Use:     "validate FILE_OR_DIRECTORY...",
		Short:   "Check configuration files of a server without starting it",
		Example: "  registryctl validate /etc/registryd.d",
		Args:    args(1, -1),
		RunE: func(_ *cobra.Command, paths []string) error {
			c, err := config.Load(config.Sources{Paths: paths, Format: format})
			if err != nil {
				return fmt.Errorf("config validation failed: %w", err)
			}
			result := struct {
				Valid    bool
				Warnings []string
			}{true, list(c.Warnings)}
			if quiet {
				return nil
			}
			return t.show(result, func(w io.Writer) {
				for _, line := range c.Warnings {
					fmt.Fprintf(w, "warning: %s\n", line)
				}
				fmt.Fprintln(w, "Configuration is valid!")
			})
		},
	}
	cmd.Flags().BoolVar(&quiet, "quiet", false, "say nothing if all is well")
	cmd.Flags().StringVar(&format, "config-format", "", "hcl or json, whatever the files are called")
	complete(cmd, "config-format", "hcl", "json")
	return cmd
}
