package config

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func load(t *testing.T, paths ...string) *Config {
	t.Helper()
	c, err := Load(Sources{Paths: paths, Host: host()})
	require.NoError(t, err)
	return c
}

func TestEveryKeyLoads(t *testing.T) {
	c := load(t, "testdata/every_key.hcl")

	require.Equal(t, "dc2", c.Datacenter)
	require.Equal(t, "example.", c.Domain)
	require.Equal(t, "other.example.", c.AltDomain)
	require.Equal(t, "0f3b1c3a-5d0b-4a1e-9c57-2f6b8d3e7a90", c.NodeID)
	require.Equal(t, map[string]string{"rack": "r1"}, c.NodeMeta)
	require.Equal(t, "1.16.9", c.VersionOverride)
	require.Equal(t, 3, c.BootstrapExpect)
	require.Equal(t, Ports{18500, 18501, 18600, 18300, 18301, 18302, 18502, 18503}, c.Ports)
	require.Equal(t, []string{"127.0.0.3:18500", "unix:///run/x.sock"}, c.HTTPAddrs())
	require.Equal(t, []string{"127.0.0.4:18501"}, c.HTTPSAddrs())
	require.Equal(t, []string{"127.0.0.2:18600"}, c.DNSAddrs())
	require.Equal(t, "127.0.0.1:18300", c.ServerAddr())
	require.Equal(t, "127.0.0.8:18301", c.SerfLANAddr())
	require.Equal(t, "10.1.1.1", c.AdvertiseAddr)
	require.Equal(t, map[string]string{
		"lan": "10.1.1.1", "lan_ipv4": "10.1.1.2", "lan_ipv6": "fd00::1",
		"wan": "10.2.1.1", "wan_ipv4": "10.2.1.2", "wan_ipv6": "fd00::2", "extra": "10.9.9.9",
	}, c.TaggedAddresses)
	require.Equal(t, []string{"10.0.0.2:53", "10.0.0.3:5353", "[fd00::3]:53"}, c.Recursors)
	require.Equal(t, []string{"10.0.0.1"}, c.RetryJoin)
	require.Equal(t, 29*time.Second, c.RetryInterval)
	require.Equal(t, DNS{
		MaxStale: 10 * time.Second, NodeTTL: 11 * time.Second,
		ServiceTTL:  map[string]time.Duration{"*": 12 * time.Second, "web": 13 * time.Second},
		OnlyPassing: true, ARecordLimit: 7, UDPAnswerLimit: 8, EnableTruncate: true, DisableCompression: true,
		RecursorStrategy: "random", RecursorTimeout: 3 * time.Second,
		UseCache: true, CacheMaxAge: 5 * time.Minute, SOA: SOA{1, 2, 3, 4},
	}, c.DNS)
	require.Equal(t, Performance{2, 6 * time.Second, 8 * time.Second}, c.Performance)
	require.Equal(t, Raft{3, 16385, 31 * time.Second, 10241}, c.Raft)
	require.Equal(t, "wal", c.RaftLog.Backend)
	require.Equal(t, Autopilot{false, 201 * time.Millisecond, 251, 3, 11 * time.Second}, c.Autopilot)
	require.Equal(t, History{100, 25 * time.Hour}, c.History)
	require.Equal(t, Limits{
		201, 6 * time.Second, 7 * time.Second, 61 * time.Second, 101, 12.5, 1001, 524289, 524290,
		RequestLimits{"enforcing", 1.5, 2},
	}, c.Limits)
	require.Equal(t, HTTPConfig{
		[]string{"/v1/agent"}, map[string]string{"X-Here": "yes"}, []string{"127.0.0.0/8"}, false, 10000,
	}, c.HTTP)
	require.Equal(t, ACL{
		true, "deny", "async-cache", 33 * time.Second, 31 * time.Second, 32 * time.Second, true, true, true,
		ACLTokens{"t1", "t5", "t3", "t4", "t2", "t6"},
	}, c.ACL)
	require.Equal(t, Telemetry{15 * time.Second, "reg", true, false, []string{"+a", "-b"}}, c.Telemetry)
	require.Equal(t, Log{"WARN", true, "log/", 25 * time.Hour, 1000, -1}, c.Log)
	require.Equal(t, UI{true, "page", "/page/"}, c.UI)
	require.Equal(t, UnixSockets{"u", "g", "0770"}, c.UnixSockets)
	require.True(t, c.Connect.Enabled)
	require.Equal(t, "c1f6a0e5-5d0b-4a1e-9c57-2f6b8d3e7a90", c.Connect.ClusterID)
	require.True(t, c.TLS.InternalRPC.VerifyIncoming, "inherited")
	require.Equal(t, "TLSv1_2", c.TLS.InternalRPC.MinVersion)
	require.False(t, c.TLS.HTTPS.VerifyIncoming)
	require.Equal(t, "https.pem", c.TLS.HTTPS.CertFile)
	require.Equal(t, "key.pem", c.TLS.HTTPS.KeyFile, "inherited")
	require.Equal(t, 2*time.Second, c.CheckDeregisterMin)
	require.Equal(t, []*api.CheckPolicy{{Kind: "check-policy", Name: "*", Damping: &api.CheckDamping{Changes: 3, Window: api.Duration(2 * time.Minute), Hold: api.Duration(30 * time.Second),
		MaxHold: api.Duration(time.Hour)}, Guard: &api.CheckGuard{Share: 0.25, Hold: api.Duration(5 * time.Minute)}, Meta: map[string]string{"a": "b"}}}, c.ConfigEntries.Bootstrap)
	require.Len(t, matching(c.Warnings, `config_entries.bootstrap with kind "proxy-defaults" has no effect: only check-policy is served`), 1)
	require.Len(t, c.Services, 2)
	require.Len(t, c.Checks, 2)
	require.False(t, c.SkipLeaveOnInterrupt)
	require.True(t, c.LeaveOnTerminate)

	for _, key := range []string{
		"encrypt", "audit", "gossip_lan", "watches", "partition", "peering", "dns_config.enable_truncate", "limits.rpc_rate", "connect.ca_config",
		"ui_config.enabled", "telemetry.statsd_address", "retry_join_wan", "segments", "ports.grpc", "xds", "cloud",
		"acl.enabled", "license_path", "auto_encrypt", "primary_datacenter", "locality", "proxy in a definition",
	} {
		found := 0
		for _, w := range c.Warnings {
			if strings.Contains(" "+w, " "+key+" has no effect") {
				found++
			}
		}
		require.Equal(t, 1, found, "warnings about %s in %q", key, c.Warnings)
	}
	for _, key := range []string{"disable_update_check", "rpc", "protocol", "use_streaming_backend"} {
		require.Empty(t, matching(c.Warnings, " "+key+" "), "%s does nothing that one could miss", key)
	}
}

func matching(lines []string, part string) []string {
	var found []string
	for _, line := range lines {
		if strings.Contains(line, part) {
			found = append(found, line)
		}
	}
	return found
}

func TestOldSpellings(t *testing.T) {
	c := load(t, "testdata/old_spellings.json")
	require.True(t, c.ACL.Enabled, "acl_datacenter switches access control on")
	require.Equal(t, "deny", c.ACL.DefaultPolicy)
	require.Equal(t, 34*time.Second, c.ACL.TokenTTL)
	require.Equal(t, ACLTokens{"t1", "t5", "t3", "t4", "t2", ""}, c.ACL.Tokens)
	require.True(t, c.TLS.InternalRPC.VerifyServerHostname)
	require.True(t, c.TLS.Defaults.VerifyIncoming)
	require.False(t, c.TLS.HTTPS.VerifyIncoming)
	require.Equal(t, "cert.pem", c.TLS.HTTPS.CertFile)
	require.Equal(t, []string{"10.0.0.1"}, c.RetryJoin)
	require.Len(t, matching(c.Warnings, "ca_file is an old spelling of tls.defaults.ca_file"), 1)

	// The new spelling wins within a file, whatever the order.
	c = mustLoadHCL(t, "tls { defaults { ca_file = \"new\" } }\nca_file = \"old\"")
	require.Equal(t, "new", c.TLS.Defaults.CAFile)
}

func TestTestKitConfigurationStarts(t *testing.T) {
	c := load(t, "testdata/testkit.json")
	require.Equal(t, []string{"127.0.0.1:19317"}, c.HTTPAddrs())
	require.Nil(t, c.HTTPSAddrs(), "no certificate")
	require.Equal(t, "127.0.0.1:19321", c.ServerAddr())
	require.Equal(t, "127.0.0.1:19319", c.SerfLANAddr())
	require.True(t, c.Bootstrap)
	require.False(t, c.ACL.Enabled)
	require.True(t, c.Connect.Enabled)
	require.Equal(t, 1, c.Performance.RaftMultiplier)
	require.Equal(t, "DEBUG", c.Log.Level)
	require.Equal(t, ConsulVersion, c.VersionOverride)
}

// The tables must fit together.
func TestTables(t *testing.T) {
	for _, a := range aliases {
		require.Contains(t, table().byPath, a.new, "what %s stands for", a.old)
		require.NotContains(t, table().byPath, a.old)
	}
	for old, also := range implied {
		_, ok := findAlias(old)
		require.True(t, ok, old)
		require.Contains(t, table().byPath, also)
	}
	for path := range withoutEffect {
		require.Contains(t, table().byPath, path)
	}
	seen := map[string]bool{}
	for _, u := range unservedKeys {
		require.False(t, seen[u.path], "%s is listed twice", u.path)
		seen[u.path] = true
		require.NotContains(t, table().byPath, u.path)
	}
	require.Len(t, table().byPath, len(table().entries), "a key has two fields")
	var v value
	for _, e := range table().entries {
		switch e.of(Default()).(type) {
		case *[]*api.ServiceRegistration, *[]*api.CheckRegistration, *[]*api.CheckPolicy:
			continue
		}
		require.NoError(t, assign(e.of(Default()), v), e.path)
		err := assign(e.of(Default()), value{kind: list, items: []value{{kind: list}}})
		require.Error(t, err, e.path)
		require.NotContains(t, err.Error(), "no value fits", e.path)
	}
}

// Every key must be in the file that shows every key.
func TestEveryKeyFileIsComplete(t *testing.T) {
	data, err := os.ReadFile("testdata/every_key.hcl")
	require.NoError(t, err)
	root, err := parse("every_key.hcl", "hcl", data)
	require.NoError(t, err)
	have := map[string]bool{}
	collect(root, "", have)
	for _, e := range table().entries {
		if d := parent(e.path); d == "tls.internal_rpc" || d == "tls.https" {
			continue // the same fields as in tls.defaults
		}
		require.True(t, have[e.path], "%s is missing", e.path)
	}
	for _, u := range unservedKeys {
		require.True(t, have[u.path] || u.path == "limits.request_limits.acl", "%s is missing", u.path)
	}
}

func collect(v value, path string, into map[string]bool) {
	fields, _ := v.object()
	for _, f := range fields {
		p := strings.TrimPrefix(path+"."+f.name, ".")
		into[p] = true
		collect(f.value, p, into)
	}
}
