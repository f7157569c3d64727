package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) kv() *cobra.Command {
	return parent("kv", "Read and write keys",
		t.kvGet(), t.kvPut(), t.kvDelete(), t.kvExport(), t.kvImport())
}

func (t *tool) kvDelete() *cobra.Command {
	var cas, recurse bool
	var index uint64
	cmd := &cobra.Command{
		Use:     "delete KEY_OR_PREFIX",
		Short:   "Remove a key, or all below a prefix",
		Example: "  registryctl kv delete app/old\n  registryctl kv delete -recurse app/\n  registryctl kv delete -cas -modify-index=42 app/x",
		Args:    args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			key := keyArg(args)
			switch {
			case key == "" && !recurse:
				return usagef("a key is missing; -recurse with \"\" removes all")
			case cas && recurse:
				return usagef("-cas and -recurse cannot go together")
			case cas && index == 0:
				return usagef("-cas needs -modify-index: see kv get -detailed")
			case !cas && index != 0:
				return usagef("-modify-index needs -cas")
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			if recurse {
				if err := c.KV().DeleteTree(cmd.Context(), key); err != nil {
					return err
				}
				return t.done(success{true}, "Success! Deleted keys with prefix: %s", key)
			}
			done := true
			if cas {
				done, err = c.KV().DeleteCAS(cmd.Context(), key, index)
			} else {
				err = c.KV().Delete(cmd.Context(), key)
			}
			return t.wrote(done, err, "Success! Deleted key: "+key, "Error! Did not delete key "+key+": CAS failed")
		},
		ValidArgsFunction: first(t.keys()),
	}
	f := cmd.Flags()
	f.BoolVar(&cas, "cas", false, "only if it is still as -modify-index says")
	f.Uint64Var(&index, "modify-index", 0, "`index` of the key, as kv get -detailed shows it")
	f.BoolVar(&recurse, "recurse", false, "remove all keys with the prefix")
	return cmd
}

// wrote reports what became of a conditional write.
func (t *tool) wrote(done bool, err error, yes, no string) error {
	if err != nil {
		return err
	}
	if !done {
		if t.json() {
			if err := writeJSON(t.out, success{false}); err != nil {
				return err
			}
		}
		return &exitError{exitFailed, no}
	}
	return t.done(success{true}, "%s", yes)
}

// dataOnly tells the argument reader that what follows a key is data.
func dataOnly() map[string]string { return map[string]string{argsData: "yes"} }

// sessionOf checks that a lock operation names its session.
func sessionOf(p *api.KVPair) error {
	if p.Session == "" {
		return usagef("-acquire and -release need -session: see registryctl session create")
	}
	return nil
}

// keyArg is the key that the first argument names, "" if there is none.
func keyArg(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return keyName(args[0])
}

// keyName takes the slash off with which many write a key, and none begins.
func keyName(s string) string { return strings.TrimPrefix(s, "/") }
