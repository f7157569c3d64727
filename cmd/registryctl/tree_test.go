package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// walk calls fn for every command that does something.
func walk(cmd *cobra.Command, fn func(*cobra.Command)) {
	for _, sub := range cmd.Commands() {
		if len(sub.Commands()) == 0 || sub.Example != "" {
			fn(sub)
		}
		walk(sub, fn)
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	walk((&tool{}).root(), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		require.NotEmpty(t, cmd.Short, path)
		require.NotEmpty(t, cmd.Example, path)
		require.NotNil(t, cmd.Args, path)
		require.NotContains(t, strings.TrimSpace(cmd.Short), "\n", path)
		words := append(strings.Fields(path)[1:], "-help")
		o := call(t, "127.0.0.1:1", words...)
		require.Zero(t, o.code, path)
		require.Empty(t, o.stderr, path)
		require.Contains(t, o.stdout, cmd.Example, path)
	})
}

// The examples in the help must name commands and flags that exist.
func TestExamplesAreUnderstood(t *testing.T) {
	n := 0
	walk((&tool{}).root(), func(owner *cobra.Command) {
		own := false
		for line := range strings.Lines(owner.Example) {
			for part := range strings.SplitSeq(line, "| ") {
				line, ok := strings.CutPrefix(strings.TrimSpace(part), "registryctl ")
				if !ok {
					continue
				}
				line, _, _ = strings.Cut(line, " >")
				n++
				root := (&tool{}).root()
				words := normalise(root, strings.Fields(line))
				cmd, rest, err := root.Find(words)
				require.NoError(t, err, line)
				own = own || strings.HasPrefix(cmd.CommandPath(), owner.CommandPath())
				require.NoError(t, cmd.ParseFlags(rest), line)
			}
		}
		require.True(t, own, "%s shows no example of itself", owner.CommandPath())
	})
	require.Greater(t, n, 60)
}

func TestMistakesOnTheCommandLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string // on stderr
	}{
		{[]string{"nonsense"}, `registryctl has no command "nonsense" (see registryctl --help)`},
		{[]string{"kv", "gte"}, `registryctl kv has no command "gte", did you mean "get"? (see registryctl kv --help)`},
		{[]string{"kv"}, `registryctl kv needs a command: delete, export, get, import, put (see registryctl kv --help)`},
		{[]string{"members", "-nonsense"}, `unknown flag: --nonsense (see registryctl members --help)`},
		{[]string{"members", "-http-addr"}, `flag needs an argument: --http-addr (see registryctl members --help)`},
		{[]string{"members", "x"}, `unexpected argument "x": registryctl members (see registryctl members --help)`},
		{[]string{"members", "-status=("}, "-status is no regular expression"},
		{[]string{"members", "-o", "xml"}, `output form "xml" is unknown: use table or json`},
		{[]string{"lookup"}, `argument missing: registryctl lookup SERVICE (see registryctl lookup --help)`},
		{[]string{"kv", "get"}, "a key is missing"},
		{[]string{"kv", "delete"}, "a key is missing"},
		{[]string{"kv", "delete", "-cas", "a"}, "-cas needs -modify-index"},
		{[]string{"kv", "delete", "-modify-index=3", "a"}, "-modify-index needs -cas"},
		{[]string{"kv", "delete", "-cas", "-recurse", "a"}, "-cas and -recurse cannot go together"},
		{[]string{"kv", "put", "-acquire", "a"}, "-acquire and -release need -session"},
		{[]string{"kv", "put", "-acquire", "-cas", "a"}, "only one of -acquire, -cas and -release"},
		{[]string{"kv", "put", "-modify-index=1", "a"}, "-modify-index needs -cas"},
		{[]string{"kv", "put", "-base64", "a", "!"}, "DATA is no base64"},
		{[]string{"maint", "-enable", "-disable"}, "only one of -enable and -disable"},
		{[]string{"maint", "-service=x"}, "-reason and -service need -enable or -disable"},
		{[]string{"checks", "-node=a", "web"}, "either a service or a node"},
		{[]string{"history", "-node=a", "web"}, "either a service or a node"},
		{[]string{"history", "-since=soon"}, "-since=soon is no time"},
		{[]string{"history", "-limit=-1"}, "-limit must be at least 0"},
		{[]string{"services", "register"}, "give a file with service definitions, or at least -name"},
		{[]string{"services", "register", "-name=a", "b.hcl"}, "not both"},
		{[]string{"services", "register", "-name=a", "-meta=b"}, "want key=value"},
		{[]string{"services", "register", "-name=a", "-tagged-address=lan=1"}, "want name=address:port"},
		{[]string{"services", "register", "-name=a", "--port=abc"}, `registryctl: --port needs a whole number, not "abc" (see registryctl services register --help)`},
		{[]string{"services", "register", "-name=a", "-port=99999999999999999999"}, `--port needs a smaller number, not "99999999999999999999"`},
		{[]string{"services", "register", "-name=a", "-check-ttl=3"}, `--check-ttl needs a time such as 500ms, 10s or 5m, not "3"`},
		{[]string{"kv", "put", "-flags=-1", "a"}, `--flags needs a whole number from 0 on, not "-1"`},
		{[]string{"members", "-detailed=maybe"}, `--detailed needs true or false, not "maybe"`},
		{[]string{"services", "deregister"}, "give the -id of the instance"},
		{[]string{"operator", "raft", "remove-peer"}, "give the -id or the -address"},
		{[]string{"operator", "raft", "remove-peer", "-id=a", "-address=b"}, "give the -id or the -address"},
		{[]string{"event"}, "-name is missing"},
		{[]string{"config", "write"}, "argument missing: registryctl config write FILE"},
		{[]string{"config", "write", "-modify-index=1", "a.hcl"}, "-modify-index needs -cas"},
		{[]string{"config", "read", "-name=a"}, "-kind is missing: use check-policy, proxy-defaults, service-defaults"},
		{[]string{"config", "read", "-kind=check-policy"}, "-name is missing: see registryctl config list -kind=check-policy"},
		{[]string{"config", "list"}, "-kind is missing"},
		{[]string{"config", "delete"}, "-kind is missing"},
		{[]string{"config", "delete", "-kind=a", "-name=b", "-cas"}, "-cas needs -modify-index"},
		{[]string{"config", "delete", "-kind=a", "-name=b", "-modify-index=1"}, "-modify-index needs -cas"},
		{[]string{"config", "delete", "-kind=a", "-filename=b.hcl"}, "either -filename or -kind and -name"},
		{[]string{"query", "create"}, "at least -service"},
		{[]string{"lock", "a"}, "a command is missing"},
		{[]string{"lock", "a", "--"}, "a command is missing"},
		{[]string{"lock", "-n=0", "a", "b"}, "-n must be at least 1"},
		{[]string{"debug", "-capture=x"}, "-capture=x is unknown"},
		{[]string{"debug", "-interval=0s"}, "cannot be negative"},
		{[]string{"watch"}, "argument missing: registryctl watch SERVICE"},
		{[]string{"watch", "-type=nonsense"}, "-type=nonsense is unknown: use one of checks, connect_leaf"},
		{[]string{"watch", "-type=key"}, "-type=key needs -key"},
		{[]string{"watch", "-type=keyprefix"}, "-type=keyprefix needs -prefix"},
		{[]string{"watch", "-type=service"}, "-type=service needs -service"},
		{[]string{"watch", "-type=key", "-key=a", "-service=b"}, "-service is nothing that -type=key takes"},
		{[]string{"watch", "-type=service", "-service=a", "-passingonly=x"}, "want true or false"},
		{[]string{"watch", "-type=checks", "-service=a", "-state=critical"}, "either -service or -state"},
		{[]string{"watch", "-key=a", "web"}, "-key needs -type"},
		{[]string{"lookup", "web", "-dns-type=a"}, "-dns-type needs -dns"},
		{[]string{"lookup", "web", "-dns", "-dns-type=mx"}, "-dns-type=mx is unknown"},
		{[]string{"lookup", "web", "-dns", "-passing"}, "-passing cannot be asked by DNS"},
		{[]string{"lookup", "web", "-dns", "-tag=a", "-tag=b"}, "only one -tag"},
		{[]string{"why", "web/"}, "want SERVICE or SERVICE/INSTANCE"},
		{[]string{"top", "-interval=0s"}, "-interval must be above 0"},
		{[]string{"rtt", "-wan", "a", "b"}, "must be written name.datacenter"},
	} {
		o := call(t, "127.0.0.1:1", c.args...)
		require.Equal(t, exitUsage, o.code, c.args)
		require.Empty(t, o.stdout, c.args)
		require.Contains(t, o.stderr, c.want, c.args)
		require.Truef(t, strings.HasPrefix(o.stderr, "registryctl: ") && strings.Count(o.stderr, "\n") == 1, "one line: %q", o.stderr)
	}
}

func TestRootAndVersion(t *testing.T) {
	o := call(t, "127.0.0.1:1")
	require.Zero(t, o.code)
	require.Contains(t, o.stdout, "Find services:")
	for _, args := range [][]string{{"version"}, {"-version"}, {"--version"}, {"-v"}} {
		require.Contains(t, call(t, "127.0.0.1:1", args...).stdout, "registryctl ")
	}
	require.Contains(t, call(t, "127.0.0.1:1", "version", "-format=json").stdout, `"Version": "1.16.4"`)
	require.Contains(t, call(t, "127.0.0.1:1", "help", "kv", "get").stdout, "-recurse")
}

func TestCompletion(t *testing.T) {
	f := serve(t, map[string]answer{
		"GET /v1/catalog/services": {body: `{"web":[],"consul":[]}`},
		"GET /v1/catalog/nodes":    {body: `[{"Node":"n1"}]`},
		"GET /v1/kv/a":             {body: `["a/b/","a/c"]`},
		"GET /v1/config/k":         {body: `[{"Kind":"k","Name":"a"},{"Kind":"k","Name":"b"}]`},
	})
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"__complete", "lookup", ""}, "consul\nweb\n"},
		{[]string{"__complete", "lookup", "web", ""}, ":4\n"},
		{[]string{"__complete", "history", ""}, "consul\nweb\n"},
		{[]string{"__complete", "history", "--node", ""}, "n1\n"},
		{[]string{"__complete", "catalog", "services", "--node", ""}, "n1\n"},
		{[]string{"__complete", "kv", "get", "a"}, "a/b/\na/c\n"},
		{[]string{"__complete", "members", "--format", ""}, "table\njson\n"},
		{[]string{"__complete", "operator", "raft", "li"}, "list-peers"},
		{[]string{"__complete", "config", "list", "--kind", ""}, "check-policy\nproxy-defaults\nservice-defaults\n"},
		{[]string{"__complete", "config", "read", "--kind=k", "--name", ""}, "a\nb\n"},
	} {
		o := call(t, f.URL, c.args...)
		require.Zero(t, o.code, c.args)
		require.Contains(t, o.stdout, c.want, c.args)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.NotEmpty(t, call(t, f.URL, "completion", shell).stdout)
	}
	require.Contains(t, call(t, "127.0.0.1:1", "__complete", "lookup", "").stdout, ":4", "no server, no words, no error")
}
