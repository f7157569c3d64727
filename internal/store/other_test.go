package store

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func pq(id, name, service string) *QuerySet {
	return &QuerySet{Query: api.PreparedQuery{ID: id, Name: name, Service: api.ServiceQuery{Service: service}}}
}

func template(id, name, pattern string, service api.ServiceQuery) *QuerySet {
	return &QuerySet{Query: api.PreparedQuery{ID: id, Name: name, Service: service,
		Template: api.QueryTemplate{Type: TemplatePrefix, Regexp: pattern, RemoveEmptyTags: pattern != ""}}}
}

func TestQueryRules(t *testing.T) {
	s := withNode(t)
	s.batch(session("s1", "n1"), pq("id-1", "One", "web"))
	update := pq("id-1", "one", "db")
	update.Update = true
	bound := pq("id-2", "bound", "web")
	bound.Query.Session = "s1"
	unbound := pq("id-3", "x", "web")
	unbound.Query.Session = "nobody"
	missing := pq("id-9", "y", "web")
	missing.Update = true
	for _, c := range []struct {
		c    Command
		want string
	}{
		{pq("id-1", "other", "web"), "prepared query 'id-1' exists already"},
		{pq("id-3", "ONE", "web"), "name 'ONE' aliases an existing query name"},
		{pq("id-3", "id-1", "web"), "name 'id-1' aliases an existing query ID"},
		{unbound, `invalid session "nobody"`},
		{missing, "Cannot modify non-existent prepared query: 'id-9'"},
		{template("id-3", "t-", "(", api.ServiceQuery{}), "bad Template.Regexp: error parsing regexp: missing closing ): `(`"},
		{&QueryDelete{ID: "id-9"}, "Cannot delete non-existent prepared query: 'id-9'"},
	} {
		require.EqualError(t, s.apply(c.c).Err, c.want)
	}
	require.NoError(t, s.apply(bound).Err)
	require.NoError(t, s.apply(update).Err)
	require.Equal(t, "db", s.State().ResolveQuery("ONE").Service.Service)
	require.Greater(t, s.State().Query("id-1").ModifyIndex, s.State().Query("id-1").CreateIndex)
	s.apply(&SessionDestroy{ID: "s1"})
	require.Nil(t, s.State().Query("id-2"))
	require.Nil(t, s.State().ResolveQuery("bound"))
	require.Equal(t, s.index, s.State().Table(TableQueries).Index)
	require.NoError(t, s.apply(&QueryDelete{ID: "ID-1"}).Err)
	require.Nil(t, s.State().ResolveQuery("one"))
}

func TestQueryTemplates(t *testing.T) {
	s := openTest(t)
	s.batch(
		template("a", "geo-", "", api.ServiceQuery{Service: "x-${name.suffix}"}),
		template("b", "geo-re-", `^geo-re-(.*?)-([^\-]+)$`, api.ServiceQuery{Service: "p-${match(1)}", Tags: []string{"${match(2)}", "${match(7)}"}}),
		template("c", "", "", api.ServiceQuery{Service: "${name.full}", Tags: []string{"${name.prefix}", "${agent.segment}", "$${name.full}", "${ name.full }!"}, NodeMeta: map[string]string{"k": "${name.suffix}"}}),
		pq("d", "geo-exact", "plain"),
	)
	for _, c := range []struct{ name, id, service, tags string }{
		{"geo-blue", "a", "x-blue", "[]"},
		{"GEO-Blue", "a", "x-Blue", "[]"},
		{"geo-re-blue-v1", "b", "p-blue", "[v1]"},
		{"geo-re-blue", "b", "p-", "[]"},
		{"geo-exact", "d", "plain", "[]"},
		{"any", "c", "any", "[  ${name.full} any!]"},
		{"a", "a", "x-", "[]"}, // by ID
	} {
		q := s.State().ResolveQuery(c.name)
		require.NotNil(t, q, c.name)
		require.Equal(t, c.id, q.ID, c.name)
		require.Equal(t, c.service, q.Service.Service, c.name)
		require.Equal(t, c.tags, fmt.Sprint(q.Service.Tags), c.name)
	}
	require.Equal(t, "any", s.State().ResolveQuery("any").Service.NodeMeta["k"])
	require.Equal(t, "${name.suffix}", s.State().Query("c").Service.NodeMeta["k"], "the stored query stays as it is")
	for _, bad := range []string{"${name.full", "${colour}", "${match(x)}", "${match(-1)}", "${match(1}"} {
		require.ErrorIs(t, CheckQuery(&template("x", "x", "", api.ServiceQuery{Service: bad}).Query), api.Refused, bad)
	}
	require.NoError(t, CheckQuery(&pq("x", "x", "${not.a.template").Query))
	require.Error(t, CheckQuery(&api.PreparedQuery{Template: api.QueryTemplate{Type: "guess"}}))
}

func TestQueryInstances(t *testing.T) {
	s := openTest(t)
	add := func(id, status string, tags []string, meta map[string]string) {
		r := instance("n-"+id, "web", id, check("c-"+id, id, status))
		r.Meta, r.Service.Tags, r.Service.Meta = map[string]string{"zone": id}, tags, meta
		s.apply(r)
	}
	add("a", api.Passing, []string{"Primary"}, map[string]string{"v": "1"})
	add("b", api.Warning, []string{"primary", "beta"}, nil)
	add("c", api.Critical, nil, nil)
	for _, c := range []struct {
		q    api.ServiceQuery
		want string
	}{
		{api.ServiceQuery{}, "[a b]"},
		{api.ServiceQuery{OnlyPassing: true}, "[a]"},
		{api.ServiceQuery{IgnoreCheckIDs: []string{"c-c"}}, "[a b c]"},
		{api.ServiceQuery{Tags: []string{"primary"}}, "[a b]"},
		{api.ServiceQuery{Tags: []string{"primary", "!beta"}}, "[a]"},
		{api.ServiceQuery{NodeMeta: map[string]string{"zone": "b"}}, "[b]"},
		{api.ServiceQuery{NodeMeta: map[string]string{"zone": "*"}}, "[a b]"},
		{api.ServiceQuery{ServiceMeta: map[string]string{"v": "1"}}, "[a]"},
		{api.ServiceQuery{Connect: true}, "[]"},
	} {
		c.q.Service = "web"
		ids := []string{}
		for _, i := range s.State().QueryInstances(&c.q) {
			ids = append(ids, i.Service.ID)
		}
		require.Equal(t, c.want, fmt.Sprint(ids), "%+v", c.q)
	}
	require.Empty(t, s.State().QueryInstances(&api.ServiceQuery{Service: "nobody"}))
}

func TestEventsAreABoundedRing(t *testing.T) {
	s := openTest(t)
	_, w := 0, &s.State().Table(TableEvents).Watch
	ch := w.C()
	for i := range eventLimit + 10 {
		s.apply(&Event{Event: api.UserEvent{ID: fmt.Sprint(i), Name: "e", Payload: []byte("p"), Version: 1}})
	}
	require.True(t, fired(ch))
	for range 2 {
		l := s.State().Events()
		require.Len(t, l, eventLimit)
		require.Equal(t, "10", l[0].ID)
		require.EqualValues(t, 11, l[0].LTime)
		require.Equal(t, fmt.Sprint(eventLimit+9), l[len(l)-1].ID)
		s.reopen()
	}
}

func TestCoordinates(t *testing.T) {
	s := openTest(t)
	s.batch(instance("a", "x", "x1"), instance("b", "x", "x2"), instance("c", "x", "x3"))
	at := func(node string, x float64) api.CoordinateEntry {
		return api.CoordinateEntry{Node: node, Coord: &api.Coordinate{Vec: []float64{x, 0}, Error: 1.5, Height: 0.5, Adjustment: -0.25}}
	}
	s.apply(&Coordinates{Entries: []api.CoordinateEntry{at("A", 1), at("b", 4), at("nobody", 1)}})
	require.InDelta(t, 3.5, s.State().Distance("a", "b"), 1e-9)
	require.True(t, math.IsInf(s.State().Distance("a", "c"), 1))
	require.Equal(t, "a", s.State().NodeCoordinates("a")[0].Node)
	index := s.State().Table(TableCoordinates).Index
	s.apply(&Coordinates{Entries: []api.CoordinateEntry{at("a", 1)}})
	require.Equal(t, index, s.State().Table(TableCoordinates).Index)
	s.reopen()
	require.InDelta(t, 3.5, s.State().Distance("b", "a"), 1e-9)
	s.apply(&Deregister{Node: "a"})
	n := 0
	s.State().Coordinates(func(*api.CoordinateEntry) bool { n++; return true })
	require.Equal(t, 1, n)
}

func TestConditionalRecords(t *testing.T) {
	s := openTest(t)
	auto := func(cas bool, at, logs uint64) *SetAutopilot {
		return &SetAutopilot{CAS: cas, Config: api.AutopilotConfig{MaxTrailingLogs: logs, ModifyIndex: at}}
	}
	require.False(t, s.apply(auto(true, 5, 1)).OK)
	require.Nil(t, s.State().Autopilot())
	require.True(t, s.apply(auto(true, 0, 1)).OK)
	require.True(t, s.apply(auto(false, 0, 1)).OK)
	require.EqualValues(t, 2, s.State().Autopilot().ModifyIndex, "an equal one changes nothing")
	require.True(t, s.apply(auto(true, 2, 2)).OK)
	require.EqualValues(t, 2, s.State().Autopilot().CreateIndex)

	entry := func(del, cas bool, at uint64, body string) *SetConfigEntry {
		return &SetConfigEntry{Delete: del, CAS: cas, Entry: ConfigEntry{Kind: "service-defaults", Name: "web", Body: []byte(body), ModifyIndex: at}}
	}
	require.True(t, s.apply(entry(true, false, 0, "")).OK)
	require.True(t, s.apply(entry(false, true, 0, "{}")).OK)
	require.False(t, s.apply(entry(false, true, 0, "[]")).OK)
	require.False(t, s.apply(entry(true, true, 1, "")).OK)
	at := s.State().ConfigEntry("service-defaults", "web").ModifyIndex
	require.True(t, s.apply(entry(false, true, at, `{"a":1}`)).OK)

	require.True(t, s.apply(&SetCA{CA: CA{ID: "one", Cert: []byte("c"), Key: []byte("k")}}).OK)
	require.False(t, s.apply(&SetCA{CA: CA{ID: "two"}}).OK)
	before := s.State()
	s.reopen()
	require.Equal(t, before.CA(), s.State().CA())
	require.Equal(t, before.Autopilot(), s.State().Autopilot())
	n := 0
	s.State().ConfigEntries("", func(e *ConfigEntry) bool {
		n++
		require.Equal(t, before.ConfigEntry(e.Kind, e.Name), e)
		return true
	})
	require.Equal(t, 1, n)
	require.True(t, s.apply(entry(true, false, 0, "")).OK)
	require.Nil(t, s.State().ConfigEntry("service-defaults", "web"))
}

// Servers that left are remembered until they are told to be forgotten, and
// not more of them than maxFormer.
func TestFormerServers(t *testing.T) {
	s := openTest(t)
	server := func(name, id string) Command {
		r := instance(name, ServerService, ServerService)
		r.ID, r.Service.Port, r.Service.Meta = id, 8300, map[string]string{"version": "1.16.4", "non_voter": "true"}
		return r
	}
	names := func() (l []string) {
		for _, f := range s.State().FormerServers() {
			l = append(l, f.Name)
		}
		return l
	}
	s.batch(server("n2", "b"), server("n1", "a"), server("n3", "c"))
	s.batch(&ServerLeft{Node: "n2"}, &ServerLeft{Node: "n1"}, &ServerLeft{Node: "n3", Prune: true}, &ServerLeft{Node: "nobody"})
	require.Equal(t, []string{"n1", "n2"}, names())
	f := *s.State().FormerServers()[0]
	require.False(t, f.Left.IsZero())
	f.Left = time.Time{}
	require.Equal(t, FormerServer{ID: "a", Name: "n1", Address: "10.0.0.1", Port: 8300, Version: "1.16.4", NonVoter: true}, f)
	v, _ := s.State().Node("n1")
	require.Nil(t, v)
	require.Empty(t, s.State().ServerNodes())

	held := s.State()
	s.batch(&ServerLeft{Forget: []string{"a", "unknown"}})
	require.Equal(t, []string{"n2"}, names())
	require.Len(t, held.FormerServers(), 2, "what a reader holds does not change")
	for i := range maxFormer + 3 {
		name := fmt.Sprintf("m%03d", i)
		s.batch(server(name, name), &ServerLeft{Node: name})
	}
	require.Len(t, names(), maxFormer)
	require.NotContains(t, names(), "n2", "the oldest went")
	require.Contains(t, names(), "m066")
}
