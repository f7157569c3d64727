package main

import (
	"github.com/spf13/cobra"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) configWrite() *cobra.Command {
	var only condition
	cmd := &cobra.Command{
		Use:   "write FILE",
		Short: "Store a config entry in the place of the one of that kind and name",
		Long: `Stores the config entry in a file, HCL or JSON ("-" is standard input), in the
place of the one of that kind and name. What config read prints can be written
again. A check policy for the service web:

  Kind = "check-policy"
  Name = "web"
  Damping { Changes = 5, Window = "1m", Hold = "30s", MaxHold = "10m" }
  Guard { Share = 0.5, Hold = "5m" }`,
		Example: "  registryctl config write policy.hcl\n  registryctl config write -cas -modify-index=42 policy.hcl\n  echo '{\"kind\":\"check-policy\",\"name\":\"*\",\"damping\":{}}' | registryctl config write -",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if only.index != 0 && !only.cas {
				return usagef("-modify-index needs -cas")
			}
			e, err := t.configEntry(args[0])
			if err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			id := &entryID{e.Kind, e.Name}
			done := true
			if only.cas {
				e.ModifyIndex = only.index
				done, err = c.ConfigEntries().CAS(cmd.Context(), e)
			} else {
				err = c.ConfigEntries().Set(cmd.Context(), e)
			}
			if err != nil {
				return id.explain("write config entry", err)
			}
			why := "it is not as -modify-index says: see registryctl config read"
			if only.index == 0 {
				why = "there is one already: give its ModifyIndex with -modify-index, see registryctl config read"
			}
			return t.wrote(done, nil, "Config entry written: "+id.String(), "Config entry not updated: "+id.String()+": "+why)
		},
	}
	only.flags(cmd, "only if it is still as -modify-index says; 0 means that there must be none")
	return cmd
}

// configEntry reads the config entry in a file; "-" is standard input.
func (t *tool) configEntry(file string) (*api.ConfigEntry, error) {
	data, err := t.readFile(file)
	if err != nil {
		return nil, err
	}
	if file == "-" {
		file = "standard input"
	}
	return config.ParseEntry(file, data)
}
