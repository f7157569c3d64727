package store

import (
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/registryd/registryd/pkg/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testStore is a store with a log of its own.
type testStore struct {
	*Store
	t     *testing.T
	index uint64
	path  string
}

func openTest(t *testing.T) *testStore {
	t.Helper()
	path := filepath.Join(t.TempDir(), "registry.db")
	s, err := Open(path)
	require.NoError(t, err)
	ts := &testStore{Store: s, t: t, path: path}
	t.Cleanup(func() { ts.Close() })
	return ts
}

// apply runs one command as a batch of its own.
func (s *testStore) apply(c Command) Result {
	s.t.Helper()
	return s.batch(c)[0]
}

func (s *testStore) batch(cs ...Command) []Result {
	s.t.Helper()
	var entries []Entry
	for _, c := range cs {
		s.index++
		entries = append(entries, Entry{Index: s.index, Term: 1, Time: time.Unix(int64(s.index), 0), Data: Encode(c)})
	}
	var rs []Result
	for _, b := range s.ApplyBatch(entries) {
		r, err := DecodeResult(b)
		require.NoError(s.t, err)
		rs = append(rs, r)
	}
	return rs
}

// reopen closes the store and loads it from disk.
func (s *testStore) reopen() {
	s.t.Helper()
	require.NoError(s.t, s.Close())
	st, err := Open(s.path)
	require.NoError(s.t, err)
	s.Store = st
}

func instance(node, service, id string, checks ...*api.Check) *Register {
	return &Register{Node: node, Address: "10.0.0.1", Datacenter: "dc1", Service: &api.Service{ID: id, Service: service, Port: 80}, Checks: checks}
}

func check(id, service, status string) *api.Check {
	return &api.Check{CheckID: id, Name: id, ServiceID: service, Status: status}
}

func fired(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func TestRegisterIsSeenInViews(t *testing.T) {
	s := openTest(t)
	require.NoError(t, s.apply(instance("n1", "web", "w1", check("c1", "w1", api.Passing), check("node", "", api.Warning))).Err)
	v, _ := s.State().Service("WEB")
	require.Len(t, v.Instances, 1)
	i := v.Instances[0]
	require.Equal(t, "n1", i.Node.Node)
	require.Equal(t, api.Warning, i.Status)
	require.Len(t, i.Checks(), 2)
	require.Equal(t, "node", i.Checks()[0].CheckID)
	require.Equal(t, "web", i.Checks()[1].ServiceName)
	n, _ := s.State().Node("N1")
	require.Len(t, n.Checks, 2)
	require.EqualValues(t, 1, v.HealthIndex)
}

func TestEqualRegistrationChangesNothing(t *testing.T) {
	s := openTest(t)
	s.apply(instance("n1", "web", "w1", check("c1", "w1", api.Passing)))
	v, _ := s.State().Service("web")
	s.apply(instance("n1", "web", "w1", check("c1", "w1", api.Passing)))
	again, _ := s.State().Service("web")
	require.Same(t, v, again)
	require.False(t, fired(v.Health.C()))
}

func TestWatchWakesOnlyWhomItConcerns(t *testing.T) {
	s := openTest(t)
	s.batch(instance("n1", "web", "w1", check("c1", "w1", api.Passing)), instance("n2", "db", "d1"))
	web, _ := s.State().Service("web")
	db, _ := s.State().Service("db")
	_, absent := s.State().Service("later")
	health, catalog, other := web.Health.C(), web.Catalog.C(), db.Health.C()

	s.apply(&UpdateChecks{Updates: []CheckUpdate{{"n1", "c1", api.Critical, "boom", ""}}})
	require.True(t, fired(health))
	require.False(t, fired(catalog))
	require.False(t, fired(other))
	after, _ := s.State().Service("web")
	require.Equal(t, web.CatalogIndex, after.CatalogIndex)
	require.Greater(t, after.HealthIndex, web.HealthIndex)
	require.Same(t, web.Catalog, after.Catalog)

	s.apply(instance("n3", "later", "l1"))
	require.True(t, fired(absent))
	require.False(t, fired(other))
}

func TestIndexNeverRunsBackwards(t *testing.T) {
	s := openTest(t)
	s.apply(instance("n1", "web", "w1"))
	s.apply(instance("n1", "web", "w2"))
	s.apply(&Deregister{Node: "n1", ServiceID: "w2"})
	v, _ := s.State().Service("web")
	require.EqualValues(t, 3, v.HealthIndex)
	s.reopen()
	v, _ = s.State().Service("web")
	require.EqualValues(t, 3, v.HealthIndex)
	n, _ := s.State().Node("n1")
	require.EqualValues(t, 3, n.CatalogIndex)

	s.apply(&Deregister{Node: "n1"})
	v, _ = s.State().Service("web")
	require.Empty(t, v.Instances)
	require.EqualValues(t, 4, v.HealthIndex)
	s.reopen()
	v, _ = s.State().Service("web")
	require.NotNil(t, v)
	require.EqualValues(t, 4, v.HealthIndex)
	s.apply(instance("n1", "web", "w1"))
	v, _ = s.State().Service("web")
	require.EqualValues(t, 5, v.HealthIndex)
	require.Empty(t, s.State().ghosts.list)
}

func TestReopenGivesTheSameState(t *testing.T) {
	s := openTest(t)
	def := &api.CheckDefinition{HTTP: "http://x", Interval: api.Duration(time.Second), Header: map[string][]string{"A": {"b", ""}}, Args: []string{}}
	r := instance("n1", "web", "w1", &api.Check{CheckID: "c1", Name: "c", ServiceID: "w1", Status: api.Passing, Probe: def, Definition: &api.CheckDefinition{}})
	r.ID, r.Meta, r.TaggedAddresses = "0F1C9A52-6b0e-4d1e-9a77-0d2c5b8e4a10", map[string]string{"k": "v"}, map[string]string{}
	r.Service.Tags, r.Service.Meta = []string{}, map[string]string{}
	r.Service.TaggedAddresses = map[string]api.ServiceAddress{"wan": {Address: "1.2.3.4", Port: 7}}
	r.Service.Weights = &api.Weights{Passing: 10, Warning: 1}
	s.apply(r)
	before, _ := s.State().Node("n1")
	s.reopen()
	after, _ := s.State().Node("n1")
	require.Equal(t, before.Node, after.Node)
	require.Equal(t, before.Instances[0].Service, after.Instances[0].Service)
	require.Equal(t, before.Checks, after.Checks)
	require.Equal(t, before.CatalogIndex, after.CatalogIndex)
	require.Same(t, after, s.State().NodeByID("0f1c9a52-6b0e-4d1e-9a77-0d2c5b8e4a10"))
	require.EqualValues(t, 1, s.State().Index())
}

func TestFailedServerHandsItsInstancesOver(t *testing.T) {
	s := openTest(t)
	for _, n := range []string{"s1", "s2", "s3"} {
		r := instance(n, ServerService, ServerService, check(api.SerfHealth, "", api.Passing))
		r.Address = "10.0.0." + n[1:]
		s.apply(r)
	}
	own := instance("s1", "web", "w1", &api.Check{CheckID: "c1", Name: "c", ServiceID: "w1", Status: api.Passing, Probe: &api.CheckDefinition{TTL: api.Duration(time.Second)}})
	own.SkipNodeUpdate, own.Service.Address = true, "10.9.9.9"
	s.apply(own)
	tied := instance("s1", "tied", "t1")
	tied.SkipNodeUpdate = true
	s.apply(tied)

	require.NoError(t, s.apply(&Liveness{Node: "s1", Output: "gone"}).Err)
	web, _ := s.State().Service("web")
	require.Len(t, web.Instances, 1)
	require.Contains(t, []string{"s2", "s3"}, web.Instances[0].Node.Node)
	require.Equal(t, api.Passing, web.Instances[0].Status)
	require.Len(t, web.Instances[0].OwnChecks, 1)
	left, _ := s.State().Service("tied")
	require.Equal(t, "s1", left.Instances[0].Node.Node)
	require.Equal(t, api.Critical, left.Instances[0].Status)
	require.Equal(t, []string{"s2", "s3"}, s.State().LiveServers())

	// The same instance registering through another server is not listed twice.
	again := instance(left.Instances[0].Node.Node, "web", "w1")
	again.SkipNodeUpdate, again.KeepStatus, again.Service.Address = true, true, "10.9.9.9"
	for i, heir := range []string{"s3", "s2"} {
		again.Node = heir
		again.Service.Port = 81 + i
		s.apply(again)
		v, _ := s.State().Service("web")
		require.Len(t, v.Instances, 1)
		require.Equal(t, heir, v.Instances[0].Node.Node)
		require.Len(t, v.Instances[0].OwnChecks, 1)
	}
	web, _ = s.State().Service("web")

	// A late transition of the dead server's is refused.
	owner := s.State().Owner(&NodeView{Node: web.Instances[0].Node}, web.Instances[0].OwnChecks[0])
	require.Equal(t, web.Instances[0].Node.Node, owner)
	s.apply(&UpdateChecks{From: "s1", Updates: []CheckUpdate{{owner, "c1", api.Critical, "", ""}}})
	web, _ = s.State().Service("web")
	require.Equal(t, api.Passing, web.Instances[0].Status)
	s.apply(&UpdateChecks{From: owner, Updates: []CheckUpdate{{owner, "c1", api.Critical, "", ""}}})
	web, _ = s.State().Service("web")
	require.Equal(t, api.Critical, web.Instances[0].Status)
}

func TestRefusedRegistrationChangesNothing(t *testing.T) {
	s := openTest(t)
	r := s.apply(instance("n1", "web", "w1", check("c1", "nobody", api.Passing)))
	require.ErrorIs(t, r.Err, api.Refused)
	require.Zero(t, s.State().NodeCount())
}

// TestOldStatesAreForgotten makes sure that a State does not hold on to the
// one before.
func TestOldStatesAreForgotten(t *testing.T) {
	s := openTest(t)
	s.apply(instance("n1", "web", "w1"))
	gone := make(chan struct{})
	runtime.AddCleanup(s.State(), func(c chan struct{}) { close(c) }, gone)
	for i := range 3 {
		s.apply(instance("n1", "web", "w"+string(rune('2'+i))))
	}
	require.Eventually(t, func() bool {
		runtime.GC()
		return fired(gone)
	}, 5*time.Second, time.Millisecond)
}

func BenchmarkApplyRegister(b *testing.B) {
	s, err := Open(filepath.Join(b.TempDir(), "registry.db"))
	require.NoError(b, err)
	defer s.Close()
	batch := make([]Entry, 64)
	ids := make([]string, 100000)
	for i := range ids {
		ids[i] = string(rune('a'+i%26)) + time.Duration(i).String()
	}
	b.ReportAllocs()
	for i := 0; i < b.N; i += len(batch) {
		for j := range batch {
			k := (i + j) % len(ids)
			c := instance("n"+ids[k/20], "s"+ids[k%1000], ids[k], check("c"+ids[k], ids[k], api.Passing))
			batch[j] = Entry{Index: uint64(i + j + 1), Term: 1, Data: Encode(c)}
		}
		s.ApplyBatch(batch)
	}
}
