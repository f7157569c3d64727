package config

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRefusals(t *testing.T) {
	file := write(t, t.TempDir(), "file", "")
	for _, c := range []struct{ text, want string }{
		{`bootstrap = true, server = false`, `bootstrap needs a server: add -server`},
		{`bootstrap_expect = 3, server = false`, `bootstrap_expect needs a server: add -server`},
		{`bootstrap_expect = -1`, `bootstrap_expect is -1`},
		{`bootstrap_expect = 3, bootstrap = true`, `bootstrap_expect cannot be used with bootstrap`},
		{`bootstrap = true, read_replica = true`, `read_replica has no vote`},
		{`datacenter = "a b"`, `datacenter is "a b": use letters, digits, - and _ only`},
		{`datacenter = ""`, `datacenter is ""`},
		{`primary_datacenter = "ä"`, `primary_datacenter is "ä"`},
		{`node_name = ""`, `node_name is empty`},
		{`node_name = "  "`, `node_name is empty`},
		{`node_id = "123"`, `node_id is "123": give a UUID`},
		{`node_id = "{0f3b1c3a-5d0b-4a1e-9c57-2f6b8d3e7a90}"`, `node_id is`},
		{`domain = "a..b"`, `domain is "a..b."`},
		{`alt_domain = "a/b"`, `alt_domain is "a/b."`},
		{`node_meta { "a b" = "x" }`, `node_meta has the key "a b"`},
		{`node_meta { consul-x = "x" }`, `reserved`},
		{`ports { http = 65536 }`, `-hcl:1: ports.http is 65536`},
		{`ports { http = -2 }`, `ports.http is -2`},
		{`ports { server = -1 }`, `ports.server is off`},
		{`ports { http = 8300 }, client_addr = "0.0.0.0"`, `ports.http takes 0.0.0.0:8300, which ports.server has already`},
		{`ports { dns = 8500 }`, `ports.dns takes 127.0.0.1:8500, which ports.http has already`},
		{`retry_join = [""]`, `retry_join has an empty address`},
		{`retry_join = ["http://a"]`, `retry_join has "http://a"`},
		{`retry_interval = "0s"`, `retry_interval must be above zero`},
		{`retry_interval = "-1s"`, `retry_interval must be above zero`},
		{`retry_interval = "soon"`, `retry_interval needs a duration such as "10s"`},
		{`retry_interval = 30`, `retry_interval needs a unit: write "30s" for seconds`},
		{`retry_max = -1`, `retry_max is -1`},
		{`history { max_count = -1 }`, `history.max_count is -1: use 0 to 100000`},
		{`history { max_age = "-1s" }`, `history.max_age is -1s: a duration cannot be below zero`},
		{`performance { raft_multiplier = 11 }`, `performance.raft_multiplier is 11: use 1 to 10`},
		{`performance { leave_drain_time = "-1s" }`, `performance.leave_drain_time is -1s: a duration cannot be below zero`},
		{`raft_protocol = 1`, `raft_protocol is 1`},
		{`check_output_max_size = 0`, `check_output_max_size is 0`},
		{`config_entries { bootstrap = ["x"] }`, `config_entries.bootstrap needs an object in { }, not text "x"`},
		{`config_entries { bootstrap { kind = "check-policy" } }`, `check policy is invalid: Name is required`},
		{`config_entries { bootstrap = [{ kind = "check-policy", name = "web", damping { changes = 101 } }] }`, `check policy "web" is invalid: Damping.Changes is 101: use 1 to 100`},
		{`config_entries { bootstrap { kind = "check-policy", name = "web", guard { colour = 1 } } }`, `check policy "web": guard: key "colour" is unknown`},
		{`check_deregister_interval_min = "1ms"`, `check_deregister_interval_min is 1ms: use 1s or more`},
		{`dns_config { a_record_limit = -1 }`, `dns_config.a_record_limit is -1`},
		{`dns_config { service_ttl { web = "x" } }`, `-hcl:1: dns_config.service_ttl: "web" needs a duration`},
		{`dns_config { recursor_strategy = "best" }`, `use one of sequential, random`},
		{`dns_config { soa { refresh = -1 } }`, `dns_config.soa.refresh is -1, outside 0 to 4294967295`},
		{`default_query_time = "11m"`, `default_query_time is 11m0s, above max_query_time 10m0s`},
		{`log_level = "loud"`, `log_level is "LOUD": use one of TRACE, DEBUG, INFO, WARN, ERR, ERROR`},
		{`raft_logstore { backend = "sqlite" }`, `use one of boltdb, wal`},
		{`limits { request_limits { mode = "x" } }`, `limits.request_limits.mode is "x"`},
		{`limits { kv_max_value_size = 1.5 }`, `limits.kv_max_value_size needs a whole number, not a number "1.5"`},
		{`limits { rpc_rate = "x" }`, `limits.rpc_rate needs a number`},
		{`acl { default_policy = "maybe" }`, `acl.default_policy is "maybe"`},
		{`http_config { allow_write_http_from = ["10.0.0.1"] }`, `give networks such as 10.0.0.0/8`},
		{`recursors = ["dns.example"]`, `recursors has "dns.example"`},
		{`recursors = ["0.0.0.0"]`, `recursors has "0.0.0.0"`},
		{`server = "yes"`, `server needs true or false, not text "yes"`},
		{`node_name = 5`, `node_name needs text in quotes, not a number "5"`},
		{`retry_join = [5]`, `retry_join needs a list of texts`},
		{`node_meta = "x"`, `node_meta needs an object in { }`},
		{`data_dir = "` + file + `"`, `a file: give a directory`},
		{`data_dir = ""`, `data_dir is missing: say where to keep the data with -data-dir, or try things out with -dev`},
		{`cert_file = "x"`, `tls.internal_rpc.cert_file is given without its key`},
		{`tls { https { key_file = "x" } }`, `tls.https.key_file is given without its certificate`},
		{`tls { defaults { verify_incoming = true } }`, `tls.internal_rpc.verify_incoming needs certificates to trust`},
		{`tls { https { verify_incoming = true, ca_file = "x" } }`, `tls.https.verify_incoming needs a certificate of this server`},
		{`verify_outgoing = true`, `tls.internal_rpc.verify_outgoing needs certificates to trust`},
		{`tls { defaults { tls_min_version = "4" } }`, `tls.internal_rpc.tls_min_version is "4"`},
		{`tls { defaults { tls_cipher_suites = "ROT13" } }`, `has "ROT13", which is no known cipher suite`},
	} {
		t.Run(c.text, func(t *testing.T) {
			_, err := loadHCL(t, c.text)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
	_, err := Load(Sources{Dev: true, Host: host(), Settings: []Setting{{"bootstrap_expect", "3", "-bootstrap-expect"}}})
	require.EqualError(t, err, `-bootstrap-expect: bootstrap_expect cannot be used with -dev, which is always one server: leave one of them out`)
}

func TestAcceptances(t *testing.T) {
	for _, c := range []struct {
		text  string
		check func(*testing.T, *Config)
	}{
		{`bootstrap_expect = 1`, func(t *testing.T, c *Config) {
			require.True(t, c.Bootstrap)
			require.Zero(t, c.BootstrapExpect)
			require.Len(t, c.Warnings, 1)
		}},
		{`bootstrap_expect = 2`, func(t *testing.T, c *Config) { require.Len(t, c.Warnings, 1) }},
		{`datacenter = "DC-1_a"`, func(t *testing.T, c *Config) { require.Equal(t, "dc-1_a", c.PrimaryDatacenter) }},
		{`performance { raft_multiplier = 0 }`, func(t *testing.T, c *Config) { require.Equal(t, 5, c.Performance.RaftMultiplier) }},
		{`ports { http = 8600 }, client_addr = "127.0.0.2", addresses { dns = "127.0.0.3" }`, func(t *testing.T, c *Config) {
			require.Equal(t, []string{"127.0.0.2:8600"}, c.HTTPAddrs())
		}},
		{`ports { http = 0, dns = 0 }`, func(t *testing.T, c *Config) { require.Equal(t, []string{"127.0.0.1:0"}, c.HTTPAddrs()) }},
		{`ports { https = 8501 }`, func(t *testing.T, c *Config) {
			require.Nil(t, c.HTTPSAddrs())
			require.Len(t, matching(c.Warnings, "HTTPS needs cert_file and key_file"), 1)
		}},
		{`node_name = "with_underscore"`, func(t *testing.T, c *Config) { require.Len(t, c.Warnings, 1) }},
		{`retry_join = ["provider=aws tag_key=x", " a:8301 ", "[::1]:8301"]`, func(t *testing.T, c *Config) {
			require.Equal(t, []string{"a:8301", "[::1]:8301"}, c.RetryJoin)
			require.Len(t, c.Warnings, 1)
		}},
		{`retry_join = "single"`, func(t *testing.T, c *Config) { require.Equal(t, []string{"single"}, c.RetryJoin) }},
		{`limits { kv_max_value_size = 1e6 }`, func(t *testing.T, c *Config) { require.EqualValues(t, 1_000_000, c.Limits.KVMaxValueSize) }},
		{`check_update_interval = 0`, func(t *testing.T, c *Config) { require.Zero(t, c.CheckUpdateInterval) }},
		{`connect { enabled = false }, peering { enabled = false }, ports { grpc = -1 }, audit {}, encrypt = ""`, func(t *testing.T, c *Config) {
			require.Empty(t, c.Warnings, "nothing was asked for")
		}},
		{`node_meta { a = "1" }` + "\n" + `node_meta { b = "2" }`, func(t *testing.T, c *Config) {
			require.Equal(t, map[string]string{"a": "1", "b": "2"}, c.NodeMeta)
		}},
	} {
		t.Run(c.text, func(t *testing.T) { c.check(t, mustLoadHCL(t, c.text)) })
	}
}

func TestTLSNumbers(t *testing.T) {
	for name, want := range map[string]uint16{"": 0x0303, "TLS_AUTO": 0x0303, "tls10": 0x0301, "TLSv1_1": 0x0302, "TLSv1_3": 0x0304} {
		got, err := TLSDoor{MinVersion: name}.MinTLSVersion()
		require.NoError(t, err)
		require.Equal(t, want, got, name)
	}
	ids, err := TLSDoor{CipherSuites: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA"}.Ciphers()
	require.NoError(t, err)
	require.Equal(t, []uint16{0xc02b, 0x002f}, ids)
}

func TestSlogLevel(t *testing.T) {
	for name, want := range map[string]slog.Level{
		"TRACE": LevelTrace, "debug": slog.LevelDebug, "": slog.LevelInfo, "INFO": slog.LevelInfo,
		"WARN": slog.LevelWarn, "ERR": slog.LevelError, "ERROR": slog.LevelError,
	} {
		require.Equal(t, want, Log{Level: name}.SlogLevel(), name)
	}
}

func TestReloadableFrom(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	read := func(text string) *Config {
		c, err := Load(Sources{
			Host:      host(),
			Settings:  []Setting{{"data_dir", dir, "-data-dir"}, {"server", "true", "-server"}},
			Fragments: []string{text},
		})
		require.NoError(t, err)
		return c
	}
	c := read(``)
	c.NodeID = "0f3b1c3a-5d0b-4a1e-9c57-2f6b8d3e7a90" // as EnsureNodeID leaves it
	require.Nil(t, c.ReloadableFrom(read(``)))
	require.Nil(t, c.ReloadableFrom(read(`
		log_level = "DEBUG"
		dns_config { only_passing = true, soa { min_ttl = 1 } }
		discard_check_output = true
		service { name = "x" }
		check { name = "x", ttl = "1s" }
	`)))
	require.Equal(t, []string{"bind_addr", "datacenter", "http_config.response_headers", "node_id", "performance.leave_drain_time", "performance.raft_multiplier", "ports.http", "primary_datacenter"},
		c.ReloadableFrom(read(`
			bind_addr = "10.0.0.5"
			datacenter = "dc2"
			http_config { response_headers { a = "b" } }
			node_id = "1f3b1c3a-5d0b-4a1e-9c57-2f6b8d3e7a90"
			performance { leave_drain_time = "1s", raft_multiplier = 1 }
			ports { http = 1 }
		`)))
}
