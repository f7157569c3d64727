package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

// exported is a key in the form in which Consul's tools export them.
type exported struct {
	Key   string `json:"key"`
	Flags uint64 `json:"flags"`
	Value []byte `json:"value"`
}

func (t *tool) kvExport() *cobra.Command {
	return &cobra.Command{
		Use:     "export [PREFIX]",
		Short:   "Print keys as JSON that kv import and Consul's tools read",
		Example: "  registryctl kv export app/ > app.json",
		Args:    args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			prefix := keyArg(args)
			c, err := t.client()
			if err != nil {
				return err
			}
			pairs, _, err := c.KV().List(cmd.Context(), prefix, t.read())
			if err != nil {
				return err
			}
			entries := []exported{}
			for _, p := range pairs {
				entries = append(entries, exported{p.Key, p.Flags, list(p.Value)})
			}
			b, err := json.MarshalIndent(entries, "", "\t")
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(t.out, "%s\n", b)
			return err
		},
		ValidArgsFunction: first(t.keys()),
	}
}

func (t *tool) kvImport() *cobra.Command {
	var prefix string
	cmd := &cobra.Command{
		Use:   "import DATA",
		Short: "Write the keys that kv export printed",
		Long: `Writes keys from JSON as kv export prints it. DATA that begins with @ names a
file, and "-" is standard input.`,
		Example:     "  registryctl kv import @app.json\n  registryctl kv export app/ | registryctl kv import -prefix=copy --http-addr=other:8500 -",
		Args:        args(0, 1),
		Annotations: dataOnly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"-"}
			}
			data, err := t.data(args)
			if err != nil {
				return err
			}
			var entries []exported
			if err := json.Unmarshal(data, &entries); err != nil {
				return fmt.Errorf("cannot read what to import: %w", err)
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			p := t.progress()
			defer p.done()
			if !t.json() && lookOf(t.out).width > 0 {
				p.w = nil // the lines below tell it there
			}
			for i, e := range entries {
				p.at("importing: %d of %d keys", i, len(entries))
				key := e.Key
				if prefix != "" {
					key = strings.TrimSuffix(keyName(prefix), "/") + "/" + e.Key // a slash at the end stays
				}
				if err := c.KV().Put(cmd.Context(), &api.KVPair{Key: key, Flags: e.Flags, Value: e.Value}); err != nil {
					return fmt.Errorf("import %s after %d of %d keys: %w", key, i, len(entries), err)
				}
				if !t.json() {
					fmt.Fprintf(t.out, "Imported: %s\n", key)
				}
			}
			if t.json() {
				return writeJSON(t.out, struct{ Imported int }{len(entries)})
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&prefix, "prefix", "", "`prefix` to write the keys below")
	return cmd
}
