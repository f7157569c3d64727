package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) kvGet() *cobra.Command {
	var o kvPrint
	var keys, recurse bool
	var separator string
	cmd := &cobra.Command{
		Use:   "get KEY_OR_PREFIX",
		Short: "Print a key's value, or the keys below a prefix",
		Example: `  registryctl kv get app/color
  registryctl kv get -detailed app/color
  registryctl kv get -recurse app/
  registryctl kv get -keys app/`,
		Args: args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key := keyArg(args)
			if key == "" && !recurse && !keys {
				return usagef("a key is missing; -recurse or -keys show all")
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			switch {
			case keys:
				return t.printKeys(cmd.Context(), c, key, separator)
			case recurse:
				return t.printTree(cmd.Context(), c, key, o)
			}
			p, _, err := c.KV().Get(cmd.Context(), key, t.read())
			if errors.Is(err, api.NotFound) {
				return &exitError{exitFailed, "Error! No key exists at: " + key}
			}
			if err != nil {
				return err
			}
			return t.show(p, func(w io.Writer) { o.one(w, p) })
		},
		ValidArgsFunction: first(t.keys()),
	}
	f := cmd.Flags()
	f.BoolVar(&o.base64, "base64", false, "print values in base64")
	f.BoolVar(&o.detailed, "detailed", false, "print indexes, flags and session, too")
	f.BoolVar(&keys, "keys", false, "print the names only, up to the separator")
	f.BoolVar(&recurse, "recurse", false, "print all keys with the prefix")
	f.StringVar(&separator, "separator", "/", "`text` at which -keys cuts names")
	return cmd
}

func (t *tool) printKeys(ctx context.Context, c *api.Client, prefix, separator string) error {
	keys, _, err := c.KV().Keys(ctx, prefix, separator, t.read())
	if err != nil {
		return err
	}
	return t.show(list(keys), func(w io.Writer) { lines(w, keys) })
}

func (t *tool) printTree(ctx context.Context, c *api.Client, prefix string, o kvPrint) error {
	pairs, _, err := c.KV().List(ctx, prefix, t.read())
	if err != nil {
		return err
	}
	return t.show(list(pairs), func(w io.Writer) {
		for i, p := range pairs {
			if !o.detailed {
				fmt.Fprintf(w, "%s:%s\n", p.Key, o.value(p))
				continue
			}
			if i > 0 {
				fmt.Fprintln(w)
			}
			o.one(w, p)
		}
	})
}

// kvPrint says how to print a key.
type kvPrint struct {
	base64, detailed bool
}

func (o kvPrint) value(p *api.KVPair) string {
	if o.base64 {
		return base64.StdEncoding.EncodeToString(p.Value)
	}
	return string(p.Value)
}

// one prints a key that was asked for by its name.
func (o kvPrint) one(w io.Writer, p *api.KVPair) {
	if !o.detailed {
		fmt.Fprintln(w, o.value(p))
		return
	}
	columns := [][2]string{
		{"CreateIndex", strconv.FormatUint(p.CreateIndex, 10)},
		{"Flags", strconv.FormatUint(p.Flags, 10)},
		{"Key", p.Key},
		{"LockIndex", strconv.FormatUint(p.LockIndex, 10)},
		{"ModifyIndex", strconv.FormatUint(p.ModifyIndex, 10)},
		{"Session", shown(p.Session)},
		{"Value", o.value(p)}, // may have many lines
	}
	for _, c := range columns {
		fmt.Fprintf(w, "%-15s  %s\n", c[0], c[1])
	}
}

// keys offers names of keys to the shell, level by level.
func (t *tool) keys() completer {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		words, how := t.live(func(ctx context.Context, c *api.Client) ([]string, error) {
			keys, _, err := c.KV().Keys(ctx, word, "/", &api.QueryOptions{Consistency: api.ReadStale})
			return keys, err
		})(cmd, args, word)
		return words, how | cobra.ShellCompDirectiveNoSpace
	}
}
