package official

import (
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

// put registers an instance of a service on a node of its own, with one check.
func put(t *testing.T, c *api.Client, node, service, status string, tags ...string) {
	t.Helper()
	_, err := c.Catalog().Register(&api.CatalogRegistration{
		Node: node, Address: "192.0.2.30",
		Service: &api.AgentService{ID: service + "@" + node, Service: service, Tags: tags, Port: 80},
		Check:   &api.AgentCheck{Node: node, CheckID: "check@" + node, Name: "check", Status: status, ServiceID: service + "@" + node},
	}, nil)
	require.NoError(t, err)
}

func testHealth(t *testing.T, w world) {
	put(t, w.client(), "hl-1", "hl", api.HealthPassing, "x", "y")
	put(t, w.client(), "hl-2", "hl", api.HealthWarning, "x")
	put(t, w.client(), "hl-3", "hl", api.HealthCritical)
	for _, c := range []struct {
		tags    []string
		passing bool
		want    []string
	}{
		{nil, false, []string{"hl-1", "hl-2", "hl-3"}},
		{nil, true, []string{"hl-1"}},
		{[]string{"x"}, false, []string{"hl-1", "hl-2"}},
		{[]string{"x", "y"}, false, []string{"hl-1"}},
		{[]string{"z"}, false, nil},
	} {
		entries, _, err := w.client().Health().ServiceMultipleTags("hl", c.tags, c.passing, nil)
		require.NoError(t, err)
		var nodes []string
		for _, e := range entries {
			nodes = append(nodes, e.Node.Node)
		}
		require.ElementsMatch(t, c.want, nodes)
	}
	entries, _, err := w.client().Health().Service("hl", "y", true, &api.QueryOptions{AllowStale: false, RequireConsistent: true})
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, 80, entries[0].Service.Port)
	require.Equal(t, api.HealthPassing, entries[0].Checks.AggregatedStatus())

	checks, _, err := w.client().Health().Node("hl-2", nil)
	require.NoError(t, err)
	require.Equal(t, api.HealthWarning, checks.AggregatedStatus())
	checks, _, err = w.client().Health().Checks("hl", &api.QueryOptions{Filter: "Status == critical"})
	require.NoError(t, err)
	require.Len(t, checks, 1)
	require.Equal(t, "hl-3", checks[0].Node)
	checks, _, err = w.client().Health().State(api.HealthCritical, &api.QueryOptions{Filter: `ServiceName == "hl"`})
	require.NoError(t, err)
	require.Len(t, checks, 1)
	_, _, err = w.client().Health().State("unheard-of", nil)
	require.Error(t, err)
	entries, _, err = w.client().Health().Connect("hl", "", false, nil)
	require.NoError(t, err)
	require.Empty(t, entries)
	for _, n := range []string{"hl-1", "hl-2", "hl-3"} {
		_, err := w.client().Catalog().Deregister(&api.CatalogDeregistration{Node: n}, nil)
		require.NoError(t, err)
	}
}

// A long poll sleeps through other services' traffic and wakes for its own.
func testHealthBlocking(t *testing.T, w world) {
	client := w.client()
	put(t, client, "blk-1", "blk", api.HealthPassing)
	_, meta, err := client.Health().Service("blk", "", false, nil)
	require.NoError(t, err)

	type answer struct {
		entries []*api.ServiceEntry
		meta    *api.QueryMeta
		err     error
	}
	got := make(chan answer, 1)
	go func() {
		e, m, err := client.Health().Service("blk", "", true, &api.QueryOptions{WaitIndex: meta.LastIndex, WaitTime: time.Minute})
		got <- answer{e, m, err}
	}()
	for range 5 {
		put(t, w.client(), "blk-other", "blk-other", api.HealthPassing)
		put(t, w.client(), "blk-other", "blk-other", api.HealthCritical)
	}
	select {
	case a := <-got:
		t.Fatalf("woke for another service: %+v", a)
	default:
	}
	put(t, w.client(), "blk-1", "blk", api.HealthCritical)
	a := rig.Within(t, "the change", got)
	require.NoError(t, a.err)
	require.Empty(t, a.entries)
	require.Greater(t, a.meta.LastIndex, meta.LastIndex)

	// Nothing changes: the answer comes at the wait limit with the same index.
	_, again, err := client.Health().Service("blk", "", true, &api.QueryOptions{WaitIndex: a.meta.LastIndex, WaitTime: 50 * time.Millisecond})
	require.NoError(t, err)
	require.Equal(t, a.meta.LastIndex, again.LastIndex)
	require.GreaterOrEqual(t, again.RequestTime, 50*time.Millisecond)
}
