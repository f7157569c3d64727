package store

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/registryd/registryd/pkg/api"
)

func TestIDsAreOrderedByTheirKeys(t *testing.T) {
	ids := []string{"", "a", "A", "b", "B", "ab", "aB", "a_", "a-", "aZ", "a[", "web-1", "WEB-1", "Web-2", "web-10", "ä", "Ä", "aä", "AÄ", "k", "\u212a", "k1", "\u212a1", "İ", "i̇", "a\xff", "A\xfe", "\xc3", "\xc3\xa4", "\xc3A", "\xc3a1", "äa", "äB", "Äb", "service:x", "Service:X"}
	for _, a := range ids {
		for _, b := range ids {
			require.Equal(t, cmp.Compare(IDKey(a), IDKey(b)), cmp.Compare(CompareIDs(a, b), 0), "%q %q", a, b)
			require.Equal(t, IDKey(a) == IDKey(b), sameID(a, b), "%q %q", a, b)
		}
	}
}

// spelled is the instance and the check of a node, in order, as they are spelled.
func (s *testStore) spelled(node string) (services, checks []string) {
	v, _ := s.State().Node(node)
	if v == nil {
		return nil, nil
	}
	for _, i := range v.Instances {
		services = append(services, i.Service.ID)
	}
	for _, c := range v.Checks {
		checks = append(checks, c.CheckID)
	}
	return services, checks
}

// The same ID in another case is the same instance, or the same check, and shown
// as it was spelled last.
func TestIDsHaveNoCase(t *testing.T) {
	s := openTest(t)
	require.NoError(t, s.apply(instance("n1", "web", "SvcID", check("Up", "SvcID", api.Passing))).Err)
	r := instance("n1", "web", "svcid", check("up", "SVCID", api.Critical))
	r.Service.Port = 81
	require.NoError(t, s.apply(r).Err)
	require.NoError(t, s.apply(instance("n1", "db", "a")).Err)
	require.NoError(t, s.apply(instance("n1", "db", "Z")).Err)
	for range 2 {
		services, checks := s.spelled("n1")
		require.Equal(t, []string{"a", "svcid", "Z"}, services)
		require.Equal(t, []string{"up"}, checks)
		web, _ := s.State().Service("web")
		require.Len(t, web.Instances, 1)
		require.Equal(t, 81, web.Instances[0].Service.Port)
		require.EqualValues(t, 1, web.Instances[0].Service.CreateIndex)
		require.EqualValues(t, 2, web.HealthIndex)
		require.Equal(t, api.Critical, web.Instances[0].Status)
		require.Len(t, web.Instances[0].OwnChecks, 1)
		v, _ := s.State().Node("n1")
		require.Same(t, web.Instances[0], v.Instance("SVCID"))
		require.Same(t, web.Instances[0].OwnChecks[0], v.Check("UP"))
		s.reopen()
	}

	before, _ := s.State().Service("web")
	s.apply(r)
	after, _ := s.State().Service("web")
	require.Same(t, before, after, "equal content changes nothing")

	require.NoError(t, s.apply(&UpdateChecks{Updates: []CheckUpdate{{"N1", "UP", api.Passing, "", ""}}}).Err)
	require.Equal(t, api.Passing, s.check("n1", "up").Status)
	require.NoError(t, s.apply(&Deregister{Node: "n1", CheckID: "uP", MustExist: true}).Err)
	require.NoError(t, s.apply(&Deregister{Node: "n1", ServiceID: "SVCID", MustExist: true}).Err)
	for range 2 {
		services, checks := s.spelled("n1")
		require.Equal(t, []string{"a", "Z"}, services)
		require.Empty(t, checks)
		s.reopen()
	}
}

// Commands of one batch may spell an ID anew several times, or move it to
// another service.
func TestIDsHaveNoCaseWithinABatch(t *testing.T) {
	s := openTest(t)
	s.batch(instance("n1", "web", "x", check("c", "x", api.Passing)), instance("n1", "web", "X"), instance("n1", "db", "x", check("C", "X", api.Warning)))
	s.batch(instance("n1", "web", "Y"), instance("n1", "db", "X"), &Deregister{Node: "n1", ServiceID: "y"})
	for range 2 {
		services, checks := s.spelled("n1")
		require.Equal(t, []string{"X"}, services)
		require.Equal(t, []string{"C"}, checks)
		web, _ := s.State().Service("web")
		require.Empty(t, web.Instances)
		db, _ := s.State().Service("db")
		require.Len(t, db.Instances, 1)
		require.Equal(t, api.Warning, db.Instances[0].Status)
		s.reopen()
	}
}

func TestReplacedChecksHaveNoCase(t *testing.T) {
	s := openTest(t)
	s.apply(instance("n1", "web", "w", check("Up", "w", api.Passing), check("other", "w", api.Passing)))
	again := instance("n1", "web", "W", check("UP", "w", api.Passing))
	again.ReplaceChecks = true
	require.NoError(t, s.apply(again).Err)
	_, checks := s.spelled("n1")
	require.Equal(t, []string{"UP"}, checks)
}

// What follows from a check is found however it is spelled.
func TestWhatFollowsFromAChecksID(t *testing.T) {
	s := openTest(t)
	s.at(0, doomed("w1", 90*time.Second))
	s.at(5*time.Second, report("", "W1", api.Critical))
	s.at(6*time.Second, doomed("W1", 90*time.Second))
	require.Equal(t, map[string]time.Duration{"W1": 95 * time.Second}, s.due())
	s.reopen()
	require.Equal(t, map[string]time.Duration{"W1": 95 * time.Second}, s.due())
	s.at(10*time.Second, report("", "w1", api.Passing))
	require.Empty(t, s.due())
	require.Zero(t, s.State().due.Len())

	require.NoError(t, s.at(11*time.Second, &SessionCreate{Session: api.Session{ID: "s", Node: "n1", NodeChecks: []string{"w1"}}}).Err)
	s.at(12*time.Second, report("", "W1", api.Critical))
	require.Nil(t, s.State().Session("s"), "it ends with its check")

	s.at(13*time.Second, instance("s1", ServerService, ServerService, check("SERFHEALTH", "", api.Passing)))
	require.Equal(t, []string{"s1"}, s.State().LiveServers())
	s.at(14*time.Second, instance("s1", ServerService, ServerService, check("serfhealth", "", api.Critical)))
	require.Empty(t, s.State().LiveServers())
}

// A registry.db from before may hold one ID in several spellings: what was
// registered last stays, no index runs backwards, and the file follows.
func TestSpellingsOfBeforeBecomeOne(t *testing.T) {
	s := openTest(t)
	s.apply(instance("n1", "web", "a", check("Up", "", api.Passing)))
	s.apply(instance("n1", "web", "SvcID", check("c", "SvcID", api.Passing)))
	s.apply(instance("n1", "other", "o"))
	st := s.State()
	require.NoError(t, s.Close())

	service := func(id, name string, create, modify uint64) *api.Service {
		return &api.Service{ID: id, Service: name, Port: 81, CreateIndex: create, ModifyIndex: modify}
	}
	check := func(id, service string, modify uint64) *api.Check {
		return &api.Check{Node: "n1", CheckID: id, Name: id, Status: api.Warning, ServiceID: service, CreateIndex: modify, ModifyIndex: modify}
	}
	db, err := openBolt(s.path)
	require.NoError(t, err)
	later := *st
	later.index = 30
	require.NoError(t, db.Update(func(tx *bolt.Tx) error {
		return writeRecords(tx, records{
			{bucketServices, "n1\x00svcid"}: service("svcid", "db", 7, 7),
			{bucketServices, "n1\x00SVCID"}: service("SVCID", "web", 5, 9),
			{bucketServices, "n1\x00O"}:     service("O", "gone", 1, 2),
			{bucketChecks, "n1\x00C"}:       check("C", "svcid", 20),
			{bucketChecks, "n1\x00up"}:      check("up", "", 25),
		}, &later)
	}))
	require.NoError(t, db.Close())
	s.Store, err = Open(s.path)
	require.NoError(t, err)
	s.index = 30

	look := func() {
		services, checks := s.spelled("n1")
		require.Equal(t, []string{"a", "o", "SVCID"}, services)
		require.Equal(t, []string{"C", "up"}, checks)
		web, _ := s.State().Service("web")
		require.Len(t, web.Instances, 2)
		require.Equal(t, 81, web.Instances[1].Service.Port)
		require.EqualValues(t, 2, web.Instances[1].Service.CreateIndex)
		require.Equal(t, "C", web.Instances[1].OwnChecks[0].CheckID)
		require.EqualValues(t, 9, web.CatalogIndex)
		require.EqualValues(t, 25, web.HealthIndex)
		for name, index := range map[string]uint64{"db": 7, "gone": 2} {
			v, _ := s.State().Service(name)
			require.Empty(t, v.Instances)
			require.Equal(t, index, v.HealthIndex, "the name was there and is not any more")
		}
		v, _ := s.State().Node("n1")
		require.EqualValues(t, 9, v.CatalogIndex)
		require.EqualValues(t, 25, v.ChecksIndex)
	}
	look()
	s.reopen()
	look()
	var keys []string
	require.NoError(t, s.disk.db.View(func(tx *bolt.Tx) error {
		for _, b := range []byte{bucketServices, bucketChecks} {
			if err := tx.Bucket([]byte{b}).ForEach(func(k, _ []byte) error {
				keys = append(keys, string(k[len("n1\x00"):]))
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}))
	slices.Sort(keys)
	require.Equal(t, []string{"C", "SVCID", "a", "o", "up"}, keys)
	require.NoError(t, s.apply(&Deregister{Node: "n1", ServiceID: "svcID", MustExist: true}).Err)
	s.reopen()
	services, _ := s.spelled("n1")
	require.Equal(t, []string{"a", "o"}, services)
}
