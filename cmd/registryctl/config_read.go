package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) configRead() *cobra.Command {
	var id entryID
	cmd := &cobra.Command{
		Use:     "read",
		Short:   "Print a config entry as JSON",
		Example: "  registryctl config read -kind=check-policy -name=web",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := id.check(); err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			e, _, err := c.ConfigEntries().Get(cmd.Context(), id.kind, id.name, t.read())
			if errors.Is(err, api.NotFound) {
				return &exitError{exitFailed, fmt.Sprintf("no config entry %s: see registryctl config list -kind=%s", &id, id.kind)}
			}
			if err != nil {
				return id.explain("read config entry", err)
			}
			return writeJSON(t.out, e)
		},
	}
	id.flags(cmd, t)
	return cmd
}

func (t *tool) configList() *cobra.Command {
	var id entryID
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the names of the config entries of a kind, and what check policies say",
		Example: "  registryctl config list -kind=check-policy\n  registryctl config list -kind=service-defaults",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if id.kind == "" {
				return noKind()
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			if id.kind == api.CheckPolicyKind && !t.json() {
				policies, _, err := c.CheckPolicies().List(cmd.Context(), t.read())
				if err != nil {
					return id.explain("list config entries of kind", err)
				}
				return t.show(nil, func(w io.Writer) { printPolicies(w, policies) })
			}
			entries, _, err := c.ConfigEntries().List(cmd.Context(), id.kind, t.read())
			if err != nil {
				return id.explain("list config entries of kind", err)
			}
			return t.show(list(entries), func(w io.Writer) {
				for _, e := range entries {
					fmt.Fprintln(w, e.Name)
				}
			})
		},
	}
	kindFlag(cmd, &id.kind)
	return cmd
}

func printPolicies(w io.Writer, policies []*api.CheckPolicy) {
	var rows [][]string
	for _, p := range policies {
		row := []string{p.Name, "", ""}
		if d := p.Damping; d != nil {
			row[1] = fmt.Sprintf("over %d changes in %s: held %s to %s", d.Changes, tidy(d.Window), tidy(d.Hold), tidy(d.MaxHold))
		}
		if g := p.Guard; g != nil {
			row[2] = fmt.Sprintf("over %.4g%% critical: kept %s", 100*g.Share, tidy(g.Hold))
		}
		rows = append(rows, row)
	}
	table(w, "Name|Damping|Guard", rows)
}

// tidy is a duration without the zeros at its end.
func tidy(d api.Duration) string {
	return strings.Replace(strings.Replace(d.String(), "m0s", "m", 1), "h0m", "h", 1)
}
