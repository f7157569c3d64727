package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLaterSourcesWin(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "conf.d"), 0o700))
	first := write(t, dir, "first.hcl", `
		node_name = "first"
		retry_join = ["a"]
		node_meta { k = "first", only = "first" }
		ports { http = 1, dns = 1 }
		server = true
		data_dir = "/nonexistent/x"
		log_level = "ERR"
		service { name = "one" }
	`)
	write(t, dir, "conf.d/b.json", `{"node_name": "b", "retry_join": ["b"], "ports": {"http": 2}, "services": [{"name": "two"}]}`)
	write(t, dir, "conf.d/a.hcl", `node_name = "a"`+"\n"+`retry_join = ["a2"]`)
	write(t, dir, "conf.d/ignored.txt", `not even HCL {{{`)
	write(t, dir, "conf.d/empty.json", ``)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "conf.d", "sub.hcl"), 0o700))
	write(t, dir, "conf.d/sub.hcl/deeper.hcl", `node_name = "deeper"`)

	s := Sources{
		Paths: []string{first, filepath.Join(dir, "conf.d")},
		Settings: []Setting{
			{"retry_join", "flag", "-retry-join"},
			{"node_meta", "k:with:colons", "-node-meta"},
			{"ports.dns", "3", "-dns-port"},
			{"log_level", "WARN", "-log-level"},
		},
		Fragments: []string{`log_level = "TRACE"`},
		Host:      host(),
	}
	c, err := Load(s)
	require.NoError(t, err)
	require.Equal(t, "b", c.NodeName)
	require.Equal(t, []string{"a", "a2", "b", "flag"}, c.RetryJoin)
	require.Equal(t, map[string]string{"k": "with:colons", "only": "first"}, c.NodeMeta)
	require.Equal(t, 2, c.Ports.HTTP)
	require.Equal(t, 3, c.Ports.DNS)
	require.Equal(t, "TRACE", c.Log.Level)
	require.Len(t, c.Services, 2)
	require.Equal(t, []string{
		first, filepath.Join(dir, "conf.d", "a.hcl"), filepath.Join(dir, "conf.d", "b.json"), filepath.Join(dir, "conf.d", "empty.json"),
	}, c.Files)

	s.Paths = []string{filepath.Join(dir, "conf.d"), first}
	c, err = Load(s)
	require.NoError(t, err)
	require.Equal(t, "first", c.NodeName, "in the order given")
}

func TestFormatIsThatOfAllFiles(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "conf", `{"node_name": "n", "data_dir": "/nonexistent/x", "server": true}`)
	_, err := Load(Sources{Paths: []string{path}, Host: host()})
	require.ErrorContains(t, err, "ends in neither .hcl nor .json")
	for _, p := range []string{path, dir} {
		c, err := Load(Sources{Paths: []string{p}, Format: "json", Host: host()})
		require.NoError(t, err)
		require.Equal(t, "n", c.NodeName)
	}
	_, err = Load(Sources{Format: "yaml", Host: host()})
	require.ErrorContains(t, err, `format "yaml" is unknown`)
}

func TestMissingFile(t *testing.T) {
	_, err := Load(Sources{Paths: []string{"/nonexistent/a.hcl"}, Host: host()})
	require.EqualError(t, err, "read configuration /nonexistent/a.hcl: no such file or directory")
}

func TestSettingErrorsNameTheFlag(t *testing.T) {
	for _, c := range []struct {
		set  Setting
		want string
	}{
		{Setting{"ports.http", "x", "-http-port"}, `-http-port needs a whole number, not text "x"`},
		{Setting{"ports.http", "70000", "-http-port"}, `-http-port: ports.http is 70000: use 1 to 65535, 0 for any free port, or -1 for none`},
		{Setting{"node_meta", "x", "-node-meta"}, `-node-meta: needs key:value, not "x"`},
		{Setting{"retry_interval", "5", "-retry-interval"}, `-retry-interval needs a duration such as "10s" or "1h30m", not "5"`},
		{Setting{"bind_addr", "nowhere", "-bind"}, `-bind: bind_addr is "nowhere": give one IP address, such as 10.0.0.5`},
	} {
		_, err := Load(Sources{Dev: true, Settings: []Setting{c.set}, Host: host()})
		require.EqualError(t, err, c.want)
	}
}

func TestSettingsOfUnservedKeys(t *testing.T) {
	c, err := Load(Sources{Dev: true, Host: host(), Settings: []Setting{
		{"encrypt", "key", "-encrypt"},
		{"enable_syslog", "false", "-syslog"},
		{"ports.grpc", "8502", "-grpc-port"},
		{"ui_config.enabled", "true", "-ui"},
	}})
	require.NoError(t, err)
	require.Len(t, c.Warnings, 3)
	require.Contains(t, c.Warnings[0], "-encrypt: encrypt has no effect")
	require.Equal(t, 8502, c.Ports.GRPC)
}

func TestDev(t *testing.T) {
	c, err := Load(Sources{Dev: true, Host: host()})
	require.NoError(t, err)
	require.True(t, c.Dev)
	require.True(t, c.Server)
	require.True(t, c.Bootstrap)
	require.False(t, c.NonVoter)
	require.Equal(t, "127.0.0.1", c.BindAddr)
	require.Equal(t, "127.0.0.1", c.AdvertiseAddr)
	require.Equal(t, "DEBUG", c.Log.Level)
	require.Equal(t, "box", c.NodeName)
	require.Empty(t, c.DataDir)
	require.Empty(t, c.Warnings)

	c, err = Load(Sources{Dev: true, Host: host(), Fragments: []string{`ports { http = -1, dns = 0, serf_lan = -1 }`}})
	require.NoError(t, err)
	require.Nil(t, c.HTTPAddrs())
	require.Equal(t, []string{"127.0.0.1:0"}, c.DNSAddrs())
	require.Empty(t, c.SerfLANAddr())
}

func TestDefaultsAreThoseOfConsul(t *testing.T) {
	c := mustLoadHCL(t, "")
	require.Equal(t, []string{"127.0.0.1:8500"}, c.HTTPAddrs())
	require.Equal(t, []string{"127.0.0.1:8600"}, c.DNSAddrs())
	require.Equal(t, "0.0.0.0:8300", c.ServerAddr())
	require.Equal(t, "0.0.0.0:8301", c.SerfLANAddr())
	require.Equal(t, "10.0.0.5", c.AdvertiseAddr)
	require.Equal(t, "dc1", c.PrimaryDatacenter)
	require.Equal(t, "consul.", c.Domain)
	require.Equal(t, 5*time.Minute, c.DefaultQueryTime)
	require.True(t, c.SkipLeaveOnInterrupt)
	require.False(t, c.LeaveOnTerminate)
	require.Empty(t, c.Warnings)
	require.Equal(t, map[string]string{
		"lan": "10.0.0.5", "lan_ipv4": "10.0.0.5", "wan": "10.0.0.5", "wan_ipv4": "10.0.0.5",
	}, c.TaggedAddresses)
}

func TestWithoutServerItHasNoVote(t *testing.T) {
	c := mustLoadHCL(t, `server = false`)
	require.True(t, c.NonVoter)
	require.True(t, c.LeaveOnTerminate)
	require.False(t, c.SkipLeaveOnInterrupt)
	require.Len(t, matching(c.Warnings, "server without a vote"), 1)

	c = mustLoadHCL(t, `read_replica = true`)
	require.True(t, c.NonVoter)
	require.Empty(t, c.Warnings)
}

func TestDefaultOf(t *testing.T) {
	for key, want := range map[string]string{
		"ports.http": "8500", "datacenter": "dc1", "server": "false", "default_query_time": "5m",
		"reconnect_timeout": "72h", "retry_interval": "30s", "node_name": "", "recursors": "", "no such": "",
	} {
		require.Equal(t, want, DefaultOf(key), key)
	}
}
