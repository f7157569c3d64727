package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) query() *cobra.Command {
	return parent("query", "Store and run prepared queries",
		t.queryCreate(), t.queryList(), t.queryGet(), t.queryUpdate(), t.queryDelete(), t.queryExecute(), t.queryExplain())
}

func (t *tool) queryCreate() *cobra.Command {
	var p api.PreparedQuery
	cmd := &cobra.Command{
		Use:   "create [FILE]",
		Short: "Store a query and print its ID",
		Long: `Stores the query in a file, which holds the JSON of the HTTP API ("-" is
standard input), or else the one that the flags define.`,
		Example: "  registryctl query create -name=web-near -service=web -only-passing -near=_agent\n  registryctl query create query.json",
		Args:    args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := t.readQuery(args, &p); err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			id, err := c.Queries().Create(cmd.Context(), &p)
			if err != nil {
				return err
			}
			return t.done(struct{ ID string }{id}, "%s", id)
		},
	}
	queryFlags(cmd, &p)
	return cmd
}

func (t *tool) queryUpdate() *cobra.Command {
	var p api.PreparedQuery
	cmd := &cobra.Command{
		Use:     "update ID [FILE]",
		Short:   "Replace a stored query",
		Example: "  registryctl query update 8b1e… query.json",
		Args:    args(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := t.readQuery(args[1:], &p); err != nil {
				return err
			}
			p.ID = args[0]
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := c.Queries().Update(cmd.Context(), &p); err != nil {
				return err
			}
			return t.done(success{true}, "Updated query: %s", p.ID)
		},
	}
	queryFlags(cmd, &p)
	return cmd
}

// queryFlags defines flags for the plain parts of a query.
func queryFlags(cmd *cobra.Command, p *api.PreparedQuery) {
	f := cmd.Flags()
	f.StringVar(&p.Name, "name", "", "`name` to run it by")
	f.StringVar(&p.Session, "session", "", "`ID` of the session it ends with")
	f.StringVar(&p.Service.Service, "service", "", "`name` of the service it asks for")
	f.StringArrayVar(&p.Service.Tags, "tag", nil, "only instances with this `tag` (!tag: without it); may be repeated")
	f.BoolVar(&p.Service.OnlyPassing, "only-passing", false, "leave out instances with a warning, too")
	f.StringVar(&p.Service.Near, "near", "", "sort by distance from this `node`")
	f.StringVar(&p.DNS.TTL, "dns-ttl", "", "`time` to live of its DNS answers")
	f.StringVar(&p.Template.Type, "template", "", "make it a template of this `type`, such as name_prefix_match")
	f.StringVar(&p.Template.Regexp, "regexp", "", "`pattern` of the template")
}

// readQuery reads a query from a file, if one is named.
func (t *tool) readQuery(files []string, p *api.PreparedQuery) error {
	if len(files) == 0 {
		if p.Service.Service == "" {
			return usagef("give a file with a query, or at least -service")
		}
		return nil
	}
	data, err := t.readFile(files[0])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, p); err != nil {
		return fmt.Errorf("cannot read query %s: %w", files[0], err)
	}
	return nil
}

func (t *tool) queryList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the stored queries",
		Example: "  registryctl query list",
		Args:    args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			queries, _, err := c.Queries().List(cmd.Context(), t.read())
			if err != nil {
				return err
			}
			return t.show(list(queries), func(w io.Writer) { printQueries(w, queries) })
		},
	}
}

func printQueries(w io.Writer, queries []*api.PreparedQuery) {
	var rows [][]string
	for _, p := range queries {
		rows = append(rows, []string{p.ID, p.Name, p.Service.Service, strings.Join(p.Service.Tags, ","), p.Template.Type, p.Session})
	}
	table(w, "ID|Name|Service|Tags|Template|Session", rows)
}

// noQuery words the error for a query that is not there.
func noQuery(err error, what string) error {
	if errors.Is(err, api.NotFound) {
		return absentf("no query %q: see registryctl query list", what)
	}
	return err
}
