package official

import (
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func testPreparedQueries(t *testing.T, w world) {
	put(t, w.client(), "pq-1", "pq", api.HealthPassing, "blue")
	put(t, w.client(), "pq-2", "pq", api.HealthWarning, "blue")
	put(t, w.client(), "pq-3", "pq", api.HealthPassing, "green")
	queries := func() *api.PreparedQuery { return w.client().PreparedQuery() }
	def := &api.PreparedQueryDefinition{Name: "blue-pq", DNS: api.QueryDNSOptions{TTL: "7s"},
		Service: api.ServiceQuery{Service: "pq", Tags: []string{"blue"}, OnlyPassing: true}}
	id, _, err := queries().Create(def, nil)
	require.NoError(t, err)
	def.ID = id
	got, _, err := queries().Get(id, nil)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, def.Service.Tags, got[0].Service.Tags)
	list, _, err := queries().List(nil)
	require.NoError(t, err)
	require.NotEmpty(t, list)

	nodes := func(name string, q *api.QueryOptions) (l []string) {
		t.Helper()
		r, _, err := queries().Execute(name, q)
		require.NoError(t, err)
		require.Equal(t, "pq", r.Service)
		require.Equal(t, "7s", r.DNS.TTL)
		for _, n := range r.Nodes {
			l = append(l, n.Node.Node)
		}
		return l
	}
	require.Equal(t, []string{"pq-1"}, nodes("blue-pq", nil))
	require.Equal(t, []string{"pq-1"}, nodes(id, &api.QueryOptions{Near: "_agent"}))
	def.Service.OnlyPassing, def.Service.Tags = false, []string{"blue", "!green"}
	_, err = queries().Update(def, nil)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"pq-1", "pq-2"}, nodes("blue-pq", nil))

	// The name is taken.
	_, _, err = queries().Create(&api.PreparedQueryDefinition{Name: "blue-pq", Service: api.ServiceQuery{Service: "pq"}}, nil)
	require.ErrorContains(t, err, "500")
	_, err = queries().Delete(id, nil)
	require.NoError(t, err)
	_, _, err = queries().Execute("blue-pq", nil)
	require.ErrorContains(t, err, "404")

	// A query tied to a session goes with it.
	sid, _, err := w.client().Session().CreateNoChecks(nil, nil)
	require.NoError(t, err)
	id, _, err = queries().Create(&api.PreparedQueryDefinition{Session: sid, Service: api.ServiceQuery{Service: "pq"}}, nil)
	require.NoError(t, err)
	_, err = w.client().Session().Destroy(sid, nil)
	require.NoError(t, err)
	_, _, err = queries().Get(id, nil)
	require.ErrorContains(t, err, "404")
}

func testQueryTemplate(t *testing.T, w world) {
	put(t, w.client(), "geo-1", "geo-maps", api.HealthPassing, "eu")
	id, _, err := w.client().PreparedQuery().Create(&api.PreparedQueryDefinition{
		Name: "geo-by-", Template: api.QueryTemplate{Type: "name_prefix_match", Regexp: "^geo-by-(.*)-([^-]+)$"},
		Service: api.ServiceQuery{Service: "geo-${match(1)}", Tags: []string{"${match(2)}"}},
	}, nil)
	require.NoError(t, err)
	r, _, err := w.client().PreparedQuery().Execute("geo-by-maps-eu", nil)
	require.NoError(t, err)
	require.Equal(t, "geo-maps", r.Service)
	require.Len(t, r.Nodes, 1)
	_, err = w.client().PreparedQuery().Delete(id, nil)
	require.NoError(t, err)
}

func testEvents(t *testing.T, w world) {
	home := w.home()
	first, _, err := w.client().Event().Fire(&api.UserEvent{Name: "deploy", Payload: []byte("v1")}, nil)
	require.NoError(t, err)
	events := func(q *api.QueryOptions) ([]*api.UserEvent, *api.QueryMeta) {
		l, meta, err := home.Event().List("deploy", q)
		require.NoError(t, err)
		return l, meta
	}
	var meta *api.QueryMeta
	rig.Eventually(t, "the event arrives", func() error {
		var l []*api.UserEvent
		if l, meta = events(nil); len(l) != 1 {
			return errCount(len(l))
		}
		require.Equal(t, first, l[0].ID)
		require.Equal(t, "v1", string(l[0].Payload))
		return nil
	})
	require.Equal(t, home.Event().IDToIndex(first), meta.LastIndex)

	got := make(chan []*api.UserEvent, 1)
	go func() {
		l, _, err := home.Event().List("deploy", &api.QueryOptions{WaitIndex: meta.LastIndex, WaitTime: time.Minute})
		if err == nil {
			got <- l
		}
	}()
	second, _, err := w.client().Event().Fire(&api.UserEvent{Name: "deploy", Payload: []byte("v2"), ServiceFilter: "consul"}, nil)
	require.NoError(t, err)
	l := rig.Within(t, "the second event", got)
	require.Len(t, l, 2)
	require.Equal(t, second, l[1].ID)
}

func testConfigEntries(t *testing.T, w world) {
	entries := func() *api.ConfigEntries { return w.client().ConfigEntries() }
	ok, _, err := entries().Set(&api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: "conf", Protocol: "http", Meta: map[string]string{"by": "test"}}, nil)
	require.NoError(t, err)
	require.True(t, ok)
	got, _, err := entries().Get(api.ServiceDefaults, "conf", nil)
	require.NoError(t, err)
	require.Equal(t, "http", got.(*api.ServiceConfigEntry).Protocol)
	require.Equal(t, "test", got.GetMeta()["by"])
	list, _, err := entries().List(api.ServiceDefaults, nil)
	require.NoError(t, err)
	require.Len(t, list, 1)
	ok, _, err = entries().CAS(&api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: "conf", Protocol: "grpc"}, 1, nil)
	require.NoError(t, err)
	require.False(t, ok)
	ok, _, err = entries().CAS(&api.ServiceConfigEntry{Kind: api.ServiceDefaults, Name: "conf", Protocol: "grpc"}, got.GetModifyIndex(), nil)
	require.NoError(t, err)
	require.True(t, ok)
	_, err = entries().Delete(api.ServiceDefaults, "conf", nil)
	require.NoError(t, err)
	_, _, err = entries().Get(api.ServiceDefaults, "conf", nil)
	require.ErrorContains(t, err, "404")
}
