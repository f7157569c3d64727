package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (t *tool) queryGet() *cobra.Command {
	return &cobra.Command{
		Use:     "get ID",
		Short:   "Print a stored query as JSON",
		Example: "  registryctl query get 8b1e…",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			p, _, err := c.Queries().Get(cmd.Context(), args[0], t.read())
			if err != nil {
				return noQuery(err, args[0])
			}
			return writeJSON(t.out, p)
		},
	}
}

func (t *tool) queryDelete() *cobra.Command {
	return &cobra.Command{
		Use:     "delete ID",
		Short:   "Remove a stored query",
		Example: "  registryctl query delete 8b1e…",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := c.Queries().Delete(cmd.Context(), args[0]); err != nil {
				return err
			}
			return t.done(success{true}, "Deleted query: %s", args[0])
		},
	}
}

func (t *tool) queryExecute() *cobra.Command {
	var near string
	var limit int
	cmd := &cobra.Command{
		Use:     "execute NAME_OR_ID",
		Short:   "Run a query and print where the instances can be reached",
		Example: "  registryctl query execute web-near -limit=1",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			q := t.read()
			q.Near, q.Limit = near, limit
			result, _, err := c.Queries().Execute(cmd.Context(), args[0], q)
			if err != nil {
				return noQuery(err, args[0])
			}
			if err := t.show(result, func(w io.Writer) {
				for _, e := range result.Nodes {
					fmt.Fprintln(w, hostPort(e))
				}
			}); err != nil || len(result.Nodes) > 0 {
				return err
			}
			return absentf("query %q finds no instance of %q", args[0], result.Service)
		},
	}
	nearFlag(cmd, t, &near)
	cmd.Flags().IntVar(&limit, "limit", 0, "at most this `number` of instances; 0 is all")
	return cmd
}

func (t *tool) queryExplain() *cobra.Command {
	return &cobra.Command{
		Use:     "explain NAME_OR_ID",
		Short:   "Print the query that would run, its template filled in",
		Example: "  registryctl query explain web-near",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			p, _, err := c.Queries().Explain(cmd.Context(), args[0], t.read())
			if err != nil {
				return noQuery(err, args[0])
			}
			return writeJSON(t.out, p)
		},
	}
}
