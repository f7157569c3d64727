package main

import (
	"encoding/base64"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) kvPut() *cobra.Command {
	var p api.KVPair
	var acquire, cas, coded, release bool
	cmd := &cobra.Command{
		Use:   "put KEY [DATA]",
		Short: "Write a key",
		Long: `Writes a key. DATA that begins with @ names a file, and "-" is standard input;
without DATA the value is empty.`,
		Example: `  registryctl kv put app/color green
  registryctl kv put app/config @config.json
  registryctl kv put -cas -modify-index=42 app/color blue
  registryctl kv put -acquire -session=$ID app/leader $(hostname)`,
		Args:        args(1, 2),
		Annotations: dataOnly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			p.Key = keyArg(args)
			if err := checkPut(&p, acquire, cas, release); err != nil {
				return err
			}
			var err error
			if p.Value, err = t.data(args[1:]); err != nil {
				return err
			}
			if coded {
				if p.Value, err = base64.StdEncoding.DecodeString(strings.TrimSpace(string(p.Value))); err != nil {
					return usagef("DATA is no base64: %s", err)
				}
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			kv, ctx := c.KV(), cmd.Context()
			switch {
			case cas:
				done, err := kv.CAS(ctx, &p)
				return t.wrote(done, err, "Success! Data written to: "+p.Key, "Error! Did not write to "+p.Key+": CAS failed")
			case acquire:
				done, err := kv.Acquire(ctx, &p)
				return t.wrote(done, err, "Success! Lock acquired on: "+p.Key, "Error! Did not acquire lock")
			case release:
				done, err := kv.Release(ctx, &p)
				return t.wrote(done, err, "Success! Lock released on: "+p.Key, "Error! Did not release lock")
			}
			return t.wrote(true, kv.Put(ctx, &p), "Success! Data written to: "+p.Key, "")
		},
		ValidArgsFunction: first(t.keys()),
	}
	f := cmd.Flags()
	f.BoolVar(&acquire, "acquire", false, "lock the key for -session")
	f.BoolVar(&coded, "base64", false, "DATA is in base64")
	f.BoolVar(&cas, "cas", false, "only if it is still as -modify-index says; 0 means that it must not exist")
	f.Uint64Var(&p.Flags, "flags", 0, "`number` to store with the value")
	f.Uint64Var(&p.ModifyIndex, "modify-index", 0, "`index` of the key, as kv get -detailed shows it")
	f.BoolVar(&release, "release", false, "unlock the key that -session holds")
	f.StringVar(&p.Session, "session", "", "`ID` of a session")
	completeBy(cmd, "session", t.sessionIDs())
	return cmd
}

// checkPut refuses flags that do not go together.
func checkPut(p *api.KVPair, acquire, cas, release bool) error {
	n := 0
	for _, b := range []bool{acquire, cas, release} {
		if b {
			n++
		}
	}
	switch {
	case n > 1:
		return usagef("only one of -acquire, -cas and -release can be meant")
	case acquire || release:
		return sessionOf(p)
	case p.ModifyIndex != 0 && !cas:
		return usagef("-modify-index needs -cas")
	}
	return nil
}

// data is an argument that stands for itself, for a file (@name) or for
// standard input ("-"); nothing if there is none.
func (t *tool) data(args []string) ([]byte, error) {
	if len(args) == 0 || args[0] == "" {
		return nil, nil
	}
	if args[0] == "-" {
		return io.ReadAll(t.in)
	}
	if name, ok := strings.CutPrefix(args[0], "@"); ok {
		if name == "" {
			return nil, errors.New("@ needs the name of a file behind it")
		}
		return os.ReadFile(name)
	}
	return []byte(args[0]), nil
}
