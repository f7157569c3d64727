package main

import "github.com/spf13/cobra"

func (t *tool) configDelete() *cobra.Command {
	var id entryID
	var only condition
	var file string
	cmd := &cobra.Command{
		Use:     "delete",
		Short:   "Remove a config entry, by kind and name or as a file names it",
		Example: "  registryctl config delete -kind=check-policy -name=web\n  registryctl config delete -cas -modify-index=42 -kind=check-policy -name=web\n  registryctl config delete -filename=policy.hcl",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case file != "" && id != entryID{}:
				return usagef("give either -filename or -kind and -name, not both")
			case only.cas && only.index == 0:
				return usagef("-cas needs -modify-index: see registryctl config read")
			case only.index != 0 && !only.cas:
				return usagef("-modify-index needs -cas")
			}
			if file != "" {
				e, err := t.configEntry(file)
				if err != nil {
					return err
				}
				id = entryID{e.Kind, e.Name}
			}
			if err := id.check(); err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			done := true
			if only.cas {
				done, err = c.ConfigEntries().DeleteCAS(cmd.Context(), id.kind, id.name, only.index)
			} else {
				err = c.ConfigEntries().Delete(cmd.Context(), id.kind, id.name)
			}
			if err != nil {
				return id.explain("delete config entry", err)
			}
			return t.wrote(done, nil, "Config entry deleted: "+id.String(),
				"Config entry not deleted: "+id.String()+": it is not as -modify-index says: see registryctl config read")
		},
	}
	id.flags(cmd, t)
	only.flags(cmd, "only if it is still as -modify-index says")
	cmd.Flags().StringVar(&file, "filename", "", "`file` with the entry, of which kind and name count")
	return cmd
}
