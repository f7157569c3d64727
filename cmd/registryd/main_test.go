package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/registryd/registryd/internal/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFlagsGiveSources(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want config.Sources
	}{
		{"nothing", nil, config.Sources{}},
		{"dev", []string{"-dev"}, config.Sources{Dev: true}},
		{"dev, off", []string{"--dev=false"}, config.Sources{}},
		{"files in order", []string{"-config-file", "b", "-config-dir=a", "--config-file=c", "-config-format", "hcl"},
			config.Sources{Paths: []string{"b", "a", "c"}, Format: "hcl"}},
		{"as test kits write it", strings.Fields("-node X -datacenter Y -bind 127.0.0.1 -client 127.0.0.1 -bootstrap -server -config-file F -data-dir D -pid-file P"),
			config.Sources{Paths: []string{"F"}, Settings: []config.Setting{
				{Key: "node_name", Value: "X", Origin: "-node"},
				{Key: "datacenter", Value: "Y", Origin: "-datacenter"},
				{Key: "bind_addr", Value: "127.0.0.1", Origin: "-bind"},
				{Key: "client_addr", Value: "127.0.0.1", Origin: "-client"},
				{Key: "bootstrap", Value: "true", Origin: "-bootstrap"},
				{Key: "server", Value: "true", Origin: "-server"},
				{Key: "data_dir", Value: "D", Origin: "-data-dir"},
				{Key: "pid_file", Value: "P", Origin: "-pid-file"},
			}}},
		{"both forms, repeated", []string{"--retry-join=a", "-join", "b", "-node-meta=k:v", "-server=0", "-hcl", "x = 1"},
			config.Sources{Fragments: []string{"x = 1"}, Settings: []config.Setting{
				{Key: "retry_join", Value: "a", Origin: "-retry-join"},
				{Key: "retry_join", Value: "b", Origin: "-join"},
				{Key: "node_meta", Value: "k:v", Origin: "-node-meta"},
				{Key: "server", Value: "false", Origin: "-server"},
			}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, err := parseFlags(c.args)
			require.NoError(t, err)
			require.Equal(t, c.want, o.sources)
		})
	}
}

// Every flag must set a key that the configuration knows, and be named once.
func TestEveryFlagHasAKey(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range append(startGroups(), flagGroups()...) {
		for _, f := range g.flags {
			require.False(t, seen[f.name], f.name)
			seen[f.name] = true
			if f.key == "" {
				continue
			}
			set := config.Setting{Key: f.key, Value: "x", Origin: "-" + f.name}
			_, err := config.Load(config.Sources{Dev: true, Settings: []config.Setting{set}})
			if err != nil {
				require.NotContains(t, err.Error(), "unknown key", f.name)
			}
		}
	}
	for _, name := range strings.Fields(`dev server bootstrap bootstrap-expect data-dir node node-id node-meta datacenter domain
		bind advertise client http-port dns-port server-port serf-lan-port retry-join retry-interval retry-max join rejoin
		leave-on-terminate config-file config-dir config-format log-level log-json log-file pid-file version help
		hcl recursor`) {
		require.True(t, seen[name], name)
	}
}

// Whether a flag is a switch must agree with the key's type.
func TestSwitchesAreTruthValues(t *testing.T) {
	for _, g := range flagGroups() {
		for _, f := range g.flags {
			if d := config.DefaultOf(f.key); d != "" {
				require.Equal(t, d == "false" || d == "true", f.value == "", f.name)
			}
		}
	}
}

func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(context.Background(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestMistakesAreOneLine(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"-htp-port=1", `flag -htp-port is unknown (see registryd -help)`},
		{"agent --htp-port=1", `flag -htp-port is unknown (see registryd -help)`},
		{"-http-port", `flag -http-port needs a value (see registryd -help)`},
		{"-http-port=x -dev", `-http-port needs a whole number, not text "x"`},
		{"-server=maybe", `invalid boolean value "maybe" for -server: use true or false (see registryd -help)`},
		{"-dev more", `unexpected argument "more": flags begin with - (see registryd -help)`},
		{"-server -bind=127.0.0.1", `data_dir is missing: say where to keep the data with -data-dir, or try things out with -dev`},
		{"-config-file=/nonexistent.hcl", `read configuration /nonexistent.hcl: no such file or directory`},
		{"version -format=xml", `format "xml" is unknown: use pretty or json`},
		{"version -x", `flag -x is unknown (see registryd -help)`},
		{"validate", `validate needs a file or directory (see registryd -help)`},
	} {
		code, stdout, stderr := call(t, strings.Fields(c.args)...)
		require.Equal(t, 1, code, c.args)
		require.Empty(t, stdout, c.args)
		require.Equal(t, "registryd: "+c.want+"\n", stderr, c.args)
	}
}

func TestVersion(t *testing.T) {
	code, stdout, stderr := call(t, "version", "-format=json")
	require.Zero(t, code)
	require.Empty(t, stderr)
	var v struct{ Version string }
	d := json.NewDecoder(strings.NewReader(stdout))
	require.NoError(t, d.Decode(&v))
	require.Regexp(t, regexp.MustCompile(`^\d+\.\d+\.\d+$`), v.Version)
	require.False(t, d.More(), "one object and nothing else")

	for _, args := range [][]string{{"version"}, {"-version"}, {"--version"}, {"agent", "-v"}} {
		code, stdout, _ := call(t, args...)
		require.Zero(t, code)
		require.Contains(t, stdout, config.Version)
		require.Contains(t, stdout, config.ConsulVersion)
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"-help"}, {"--help"}, {"-h"}, {"help"}, {"agent", "-help"}, {"version", "-help"}, {"validate", "-h"}} {
		code, stdout, stderr := call(t, args...)
		require.Zero(t, code, args)
		require.Empty(t, stderr)
		require.Contains(t, stdout, "-http-port=PORT")
		require.Contains(t, stdout, "(default 8500)")
		for _, g := range flagGroups() {
			require.Contains(t, stdout, g.title+":")
			for _, f := range g.flags {
				require.Contains(t, stdout, " -"+f.name)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.hcl")
	require.NoError(t, os.WriteFile(path, []byte("server = true\nbind_addr = \"127.0.0.1\"\nencrypt = \"k\"\ndata_dir = \"/nonexistent/d\"\n"), 0o600))
	for _, p := range []string{path, dir} {
		code, stdout, _ := call(t, "validate", p)
		require.Zero(t, code)
		require.Contains(t, stdout, "warning: "+path+":3: encrypt has no effect")
		require.Contains(t, stdout, "Configuration is valid!\n")
	}
	code, stdout, _ := call(t, "validate", "-quiet", path)
	require.Zero(t, code)
	require.Empty(t, stdout)

	require.NoError(t, os.WriteFile(path, []byte("server = true\nporst = 1\n"), 0o600))
	code, _, stderr := call(t, "validate", dir)
	require.Equal(t, 1, code)
	require.Equal(t, "registryd: "+path+`:2: unknown key "porst" (did you mean "ports"?)`+"\n", stderr)
}
