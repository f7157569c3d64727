package kit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/sdk/testutil"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

// Every key that kits and suites have been seen to write.
func TestSettings(t *testing.T) {
	t.Parallel()
	s, client := start(t, func(c *testutil.TestServerConfig) {
		c.NodeName, c.NodeMeta = "named", map[string]string{"rack": "r1"}
		c.NodeLocality = &testutil.Locality{Region: "r", Zone: "z"}
		c.Datacenter, c.PrimaryDatacenter, c.ACLDatacenter = "dc9", "dc9", "dc9"
		c.ACLDefaultPolicy = "allow"
		c.RaftProtocol = 3
		c.Encrypt = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="
		c.EnableScriptChecks, c.EnableDebug = true, true
		c.Autopilot = &testutil.TestAutopilotConfig{ServerStabilizationTime: "1ms"}
		c.Audit = &testutil.TestAuditConfig{Enabled: true}
		c.Experiments = []string{"resource-apis"}
		c.Ports.ProxyMinPort, c.Ports.ProxyMaxPort = 21000, 21255
	})
	require.Equal(t, "named", s.Config.NodeName)
	nodes, _, err := client.Catalog().Nodes(&api.QueryOptions{NodeMeta: map[string]string{"rack": "r1"}, Datacenter: "dc9"})
	require.NoError(t, err)
	require.Len(t, nodes, 1)
	require.Equal(t, "dc9", nodes[0].Datacenter)
	conf, err := client.Operator().AutopilotGetConfiguration(nil)
	require.NoError(t, err)
	require.Equal(t, "1ms", conf.ServerStabilizationTime.String())

	// Scripts are on, and so is debugging.
	require.NoError(t, client.Agent().CheckRegister(&api.AgentCheckRegistration{ID: "script", Name: "script",
		AgentServiceCheck: api.AgentServiceCheck{Args: []string{"sh", "-c", "echo fine"}, Interval: "1s"}}))
	rig.Eventually(t, "the script has run", func() error {
		checks, err := client.Agent().ChecksWithFilter(`Status == passing and Output contains fine`)
		if err == nil && len(checks) != 1 {
			err = os.ErrNotExist
		}
		return err
	})
	_, err = client.Debug().Heap()
	require.NoError(t, err)
}

// The settings of suites with access control: such a server must start, and
// answer those that carry its token.
func TestAccessControlSettings(t *testing.T) {
	t.Parallel()
	_, client := start(t, func(c *testutil.TestServerConfig) {
		c.PrimaryDatacenter = "dc1"
		c.ACL.Enabled, c.ACL.DefaultPolicy, c.ACL.DownPolicy = true, "deny", "extend-cache"
		c.ACL.PolicyTTL, c.ACL.TokenTTL, c.ACL.DisabledTTL = "10s", "10s", "10s"
		c.ACL.EnableKeyListPolicy, c.ACL.TokenReplication = true, true
		c.ACL.Tokens.InitialManagement, c.ACL.Tokens.Agent = "root", "root"
		c.ACL.Tokens.Default, c.ACL.Tokens.AgentRecovery, c.ACL.Tokens.Replication = "root", "root", "root"
	})
	_, err := client.KV().Put(&api.KVPair{Key: "x"}, &api.WriteOptions{Token: "root"})
	require.NoError(t, err)
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "kit") // short: a socket's path is at most 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s, client := start(t, func(c *testutil.TestServerConfig) {
		c.Addresses = &testutil.TestAddressConfig{HTTP: "unix://" + filepath.Join(dir, "http.sock")}
	})
	s.SetKVString(t, "over", "a socket")
	pair, _, err := client.KV().Get("over", nil)
	require.NoError(t, err)
	require.Equal(t, "a socket", string(pair.Value))
}

// A second file that is empty at the start and filled later.
func TestReloadFillsAnEmptyFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, content string }{
		{"later.json", `{"service": {"id": "late", "name": "late", "port": 1234}}`},
		{"later.hcl", `service { id = "late" name = "late" port = 1234 }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), c.name)
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			_, client := start(t, func(conf *testutil.TestServerConfig) { conf.Args = []string{"-config-file", path} })
			services, err := client.Agent().Services()
			require.NoError(t, err)
			require.Empty(t, services)
			require.NoError(t, os.WriteFile(path, []byte(c.content), 0o600))
			require.NoError(t, client.Agent().Reload())
			services, err = client.Agent().Services()
			require.NoError(t, err)
			require.Equal(t, 1234, services["late"].Port)
			// What the kit's own file says is still in force.
			require.NoError(t, os.WriteFile(path, nil, 0o600))
			require.NoError(t, client.Agent().Reload())
			services, err = client.Agent().Services()
			require.NoError(t, err)
			require.Empty(t, services)
		})
	}
}
