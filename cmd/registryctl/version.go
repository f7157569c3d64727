package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/internal/config"
)

func (t *tool) version() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  registryctl version\n  registryctl version -format=json",
		Args:    args(0, 0),
		RunE:    func(*cobra.Command, []string) error { return t.printVersion() },
	}
}

// printVersion tells programs the version of Consul whose words they may use.
func (t *tool) printVersion() error {
	v := struct {
		Version          string
		RegistrydVersion string
	}{config.ConsulVersion, config.Version}
	return t.show(v, func(w io.Writer) {
		fmt.Fprintf(w, "registryctl %s\nspeaks the API of Consul %s\n", config.Version, config.ConsulVersion)
	})
}
