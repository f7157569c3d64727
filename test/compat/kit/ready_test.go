package kit

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/sdk/testutil"
	"github.com/stretchr/testify/require"
)

func TestVersionIsOneObject(t *testing.T) {
	out, err := exec.Command("consul", "version", "-format=json").Output()
	require.NoError(t, err)
	d := json.NewDecoder(bytes.NewReader(out))
	var v struct{ Version string }
	require.NoError(t, d.Decode(&v))
	require.Regexp(t, `^\d+\.\d+\.\d+$`, v.Version)
	require.False(t, d.More())
}

// The kit's own settings, Connect included.
func TestKitStartsIt(t *testing.T) {
	t.Parallel()
	s, client := start(t, nil)
	s.WaitForActiveCARoot(t)
	s.WaitForSerfCheck(t)
	s.WaitForVoting(t)
	s.WaitForServiceIntentions(t)

	nodes, meta, err := client.Catalog().Nodes(nil)
	require.NoError(t, err)
	require.True(t, meta.KnownLeader)
	require.GreaterOrEqual(t, meta.LastIndex, uint64(2))
	require.Len(t, nodes, 1)

	// The server's own node is there from the start.
	n := nodes[0]
	require.Equal(t, s.Config.NodeName, n.Node)
	require.Equal(t, s.Config.NodeID, n.ID)
	require.Equal(t, "dc1", n.Datacenter)
	require.Equal(t, "127.0.0.1", n.Address)
	for _, k := range []string{"lan", "lan_ipv4", "wan", "wan_ipv4"} {
		require.Equal(t, "127.0.0.1", n.TaggedAddresses[k], k)
	}
	require.Equal(t, map[string]string{"consul-network-segment": "", "consul-version": s.Config.Version}, n.Meta)
	entries, _, err := client.Health().Service("consul", "", true, nil)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, "serfHealth", entries[0].Checks[0].CheckID)

	// The kit's helpers.
	s.SetKVString(t, "kit/key", "value")
	require.Equal(t, "value", s.GetKVString(t, "kit/key"))
	s.PopulateKV(t, map[string][]byte{"kit/a": []byte("1"), "kit/b": []byte("2")})
	require.Equal(t, []string{"kit/a", "kit/b", "kit/key"}, s.ListKV(t, "kit"))
	s.AddService(t, "redis", testutil.HealthPassing, []string{"primary"})
	s.AddAddressableService(t, "web", testutil.HealthWarning, "10.0.0.1", 80, nil)
	s.AddCheck(t, "redis:more", "redis", testutil.HealthPassing)
	entries, _, err = client.Health().Service("redis", "primary", true, nil)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	checks, _, err := client.Health().Checks("redis", nil)
	require.NoError(t, err)
	require.Len(t, checks, 2)
	checks, _, err = client.Health().Checks("web", nil)
	require.NoError(t, err)
	require.Equal(t, api.HealthWarning, checks.AggregatedStatus())
}

func TestWithoutConnect(t *testing.T) {
	t.Parallel()
	_, client := start(t, func(c *testutil.TestServerConfig) { c.Connect = nil })
	_, _, err := client.Agent().ConnectCARoots(nil)
	require.ErrorContains(t, err, "Connect must be enabled")
}

// A token that is sent while access control is off is ignored; the texts that
// suites look for.
func TestTexts(t *testing.T) {
	t.Parallel()
	_, client := start(t, nil)
	q := &api.QueryOptions{Token: "root"}
	_, _, err := client.Catalog().Services(q)
	require.NoError(t, err)
	q = &api.QueryOptions{Datacenter: "dc2"}
	_, _, err = client.Catalog().Services(q)
	require.ErrorContains(t, err, "No path to datacenter")
	_, _, err = client.Snapshot().Save(q)
	require.ErrorContains(t, err, "No path to datacenter")
	_, _, err = client.Event().Fire(&api.UserEvent{Name: "x"}, &api.WriteOptions{Datacenter: "dc2"})
	require.ErrorContains(t, err, "No path to datacenter")
}
