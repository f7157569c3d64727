package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNormalise(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"members -detailed", "members --detailed"},
		{"members --detailed", "members --detailed"},
		{"members -detailed=false", "members --detailed=false"},
		{"-http-addr x:1 members", "members --http-addr=x:1"},
		{"members -http-addr=x:1", "members --http-addr=x:1"},
		{"operator raft remove-peer -id 5", "operator raft remove-peer --id=5"},
		{"kv get -recurse a/", "kv get --recurse -- a/"},
		{"kv get a/ -recurse", "kv get --recurse -- a/"},
		{"kv -stale get a", "kv get --stale -- a"},
		{"kv put a -5", "kv put -- a -5"},
		{"kv put a -x", "kv put -- a -x"},
		{"kv put a b -flags 3", "kv put --flags=3 -- a b"},
		{"kv put -cas -modify-index=0 a b", "kv put --cas --modify-index=0 -- a b"},
		{"kv put a -", "kv put -- a -"},
		{"kv put -- -a -cas", "kv put -- -a -cas"},
		{"maint -enable -service=x -reason -y-", "maint --enable --service=x --reason=-y-"},
		{"health -o json", "health --format=json"},
		{"health -ojson", "health -ojson"},
		{"health -format=json", "health --format=json"},
		{"lock -n=2 k sh -c -n", "lock --n=2 -- k sh -c -n"},
		{"lock k -n 2 -- sh -c -n", "lock --n=2 -- k sh -c -n"},
		{"lock k -- a -- b", "lock -- k a -- b"},
		{"kv get -help", "kv get --help"},
		{"kv get -h", "kv get --help"},
		{"-v", "--version"},
		{"-nonsense=3", "--nonsense=3"},
		{"kv get -http-addr", "kv get --http-addr"},
		{"members kv", "members -- kv"},
		{"__complete kv -", "__complete kv -"},
		{"", ""},
	} {
		root := (&tool{}).root()
		require.Equal(t, c.want, strings.Join(normalise(root, strings.Fields(c.in)), " "), c.in)
	}
}

// What is behind a flag that needs a value is that value, whatever it looks
// like, and an empty word stays one.
func TestNormaliseOddValues(t *testing.T) {
	root := (&tool{}).root()
	require.Equal(t, []string{"maint", "--reason=", "--enable"}, normalise(root, []string{"maint", "-reason", "", "-enable"}))
	require.Equal(t, []string{"kv", "put", "--", "a", ""}, normalise(root, []string{"kv", "put", "a", ""}))
	require.Equal(t, []string{"maint", "--reason"}, normalise(root, []string{"maint", "-reason", "--"}))
}

// Command lines written for Consul's tools must be understood: these are its
// commands with all their flags, save those of the mesh and the paid edition.
func TestConsulsWords(t *testing.T) {
	for command, flags := range map[string]string{
		"catalog datacenters":           "",
		"catalog nodes":                 "detailed filter near node-meta service",
		"catalog services":              "node node-meta tags",
		"debug":                         "archive capture duration interval output",
		"event":                         "name node service tag",
		"force-leave":                   "prune wan",
		"info":                          "",
		"join":                          "wan",
		"kv delete":                     "cas modify-index recurse",
		"kv export":                     "",
		"kv get":                        "base64 detailed keys recurse separator",
		"kv import":                     "prefix",
		"kv put":                        "acquire base64 cas flags modify-index release session",
		"leave":                         "",
		"lock":                          "child-exit-code monitor-retry n name pass-stdin shell timeout try verbose",
		"maint":                         "disable enable reason service",
		"members":                       "detailed filter segment status wan",
		"monitor":                       "log-json log-level",
		"operator autopilot get-config": "",
		"operator autopilot set-config": "cleanup-dead-servers disable-upgrade-migration last-contact-threshold max-trailing-logs min-quorum redundancy-zone-tag server-stabilization-time upgrade-version-tag",
		"operator autopilot state":      "format",
		"operator raft list-peers":      "",
		"operator raft remove-peer":     "address id",
		"operator raft transfer-leader": "id",
		"operator usage instances":      "all-datacenters only-billable only-connect",
		"reload":                        "",
		"rtt":                           "wan",
		"services deregister":           "id",
		"services register":             "address id kind meta name port tag tagged-address",
		"snapshot inspect":              "format",
		"snapshot restore":              "",
		"snapshot save":                 "",
		"validate":                      "config-format quiet",
		"version":                       "format",
	} {
		root := (&tool{}).root()
		words := strings.Fields(command)
		cmd, rest, err := root.Find(words)
		require.NoError(t, err, command)
		require.Empty(t, rest, command)
		require.Equal(t, "registryctl "+command, cmd.CommandPath())
		for _, name := range append(strings.Fields(flags), strings.Fields(
			"ca-file ca-path client-cert client-key datacenter http-addr stale tls-server-name token token-file")...) {
			require.NotNil(t, findFlag(cmd, name), "%s -%s", command, name)
		}
	}
}
