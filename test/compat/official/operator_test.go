package official

import (
	"fmt"
	"io"
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func errCount(n int) error { return fmt.Errorf("there are %d", n) }

func testOperator(t *testing.T, w world) {
	raft, err := w.client().Operator().RaftGetConfiguration(nil)
	require.NoError(t, err)
	require.Len(t, raft.Servers, len(w.servers))
	leaders := 0
	for _, s := range raft.Servers {
		require.True(t, s.Voter)
		require.NotEmpty(t, s.ID)
		require.NotEmpty(t, s.Node)
		if s.Leader {
			leaders++
		}
	}
	require.Equal(t, 1, leaders)
	require.Error(t, w.client().Operator().RaftRemovePeerByID("2bd8e6c1-0000-4000-8000-000000000000", nil))
	require.Error(t, w.client().Operator().RaftRemovePeerByAddress("192.0.2.9:8300", nil))

	rig.Eventually(t, "autopilot finds the cluster healthy", func() error {
		health, err := w.client().Operator().AutopilotServerHealth(nil)
		if err == nil && (!health.Healthy || len(health.Servers) != len(w.servers)) {
			err = fmt.Errorf("%+v", health)
		}
		return err
	})
	state, err := w.client().Operator().AutopilotState(nil)
	require.NoError(t, err)
	require.True(t, state.Healthy)
	require.Len(t, state.Servers, len(w.servers))
	require.Contains(t, state.Servers, state.Leader)
}

func testAutopilotConfiguration(t *testing.T, w world) {
	conf, err := w.client().Operator().AutopilotGetConfiguration(nil)
	require.NoError(t, err)
	require.True(t, conf.CleanupDeadServers)
	conf.MaxTrailingLogs = 300
	require.NoError(t, w.client().Operator().AutopilotSetConfiguration(conf, nil))
	next, err := w.client().Operator().AutopilotGetConfiguration(nil)
	require.NoError(t, err)
	require.EqualValues(t, 300, next.MaxTrailingLogs)
	ok, err := w.client().Operator().AutopilotCASConfiguration(conf, nil)
	require.NoError(t, err)
	require.False(t, ok, "its index is old")
	next.MaxTrailingLogs = 250
	ok, err = w.client().Operator().AutopilotCASConfiguration(next, nil)
	require.NoError(t, err)
	require.True(t, ok)
}

func testUsage(t *testing.T, w world) {
	usage, meta, err := w.client().Operator().Usage(nil)
	require.NoError(t, err)
	require.NotZero(t, meta.LastIndex)
	require.GreaterOrEqual(t, usage.Usage["dc1"].Nodes, len(w.servers))
	require.GreaterOrEqual(t, usage.Usage["dc1"].ServiceInstances, len(w.servers))
}

func testCoordinates(t *testing.T, w world) {
	dcs, err := w.client().Coordinate().Datacenters()
	require.NoError(t, err)
	require.Len(t, dcs, 1)
	require.Equal(t, "dc1", dcs[0].Datacenter)
	rig.Eventually(t, "every server has a coordinate", func() error {
		nodes, _, err := w.client().Coordinate().Nodes(nil)
		if err == nil && len(nodes) < len(w.servers) {
			err = errCount(len(nodes))
		}
		return err
	})
	entries, _, err := w.client().Coordinate().Node(w.servers[0].Name, nil)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Len(t, entries[0].Coord.Vec, 8)
	nodes, _, err := w.client().Catalog().Nodes(&api.QueryOptions{Near: "_agent"})
	require.NoError(t, err)
	require.NotEmpty(t, nodes)
}

// A snapshot brings everything back as it was, on every server.
func testSnapshot(t *testing.T, w world) {
	kv := w.client().KV()
	_, err := kv.Put(&api.KVPair{Key: "snap/kept", Value: []byte("old"), Flags: 3}, nil)
	require.NoError(t, err)
	put(t, w.client(), "snap-1", "snap", api.HealthPassing)
	archive, meta, err := w.client().Snapshot().Save(nil)
	require.NoError(t, err)
	require.NotZero(t, meta.LastIndex)
	defer archive.Close()

	_, err = kv.Put(&api.KVPair{Key: "snap/kept", Value: []byte("new")}, nil)
	require.NoError(t, err)
	_, err = kv.Put(&api.KVPair{Key: "snap/later"}, nil)
	require.NoError(t, err)
	_, err = w.client().Catalog().Deregister(&api.CatalogDeregistration{Node: "snap-1"}, nil)
	require.NoError(t, err)

	require.NoError(t, w.client().Snapshot().Restore(nil, archive))
	for _, s := range w.servers {
		client := s.Client()
		rig.Eventually(t, s.Name+" has the restored state", func() error {
			pair, _, err := client.KV().Get("snap/kept", nil)
			if err != nil {
				return err
			}
			if pair == nil || string(pair.Value) != "old" || pair.Flags != 3 {
				return fmt.Errorf("the key is %+v", pair)
			}
			return nil
		})
		pair, _, err := client.KV().Get("snap/later", nil)
		require.NoError(t, err)
		require.Nil(t, pair)
		entries, _, err := client.Health().Service("snap", "", true, nil)
		require.NoError(t, err)
		require.Len(t, entries, 1)
	}
	damaged, _, err := w.client().Snapshot().Save(nil)
	require.NoError(t, err)
	defer damaged.Close()
	require.Error(t, w.client().Snapshot().Restore(nil, io.LimitReader(damaged, 100)))
	pair, _, err := kv.Get("snap/kept", nil)
	require.NoError(t, err)
	require.Equal(t, "old", string(pair.Value))
}
