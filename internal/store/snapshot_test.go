package store

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// everything is a log that leaves something in every bucket.
func everything() []Command {
	def := &api.CheckDefinition{TTL: api.Duration(time.Second)}
	bound := session("s1", "n1", "node")
	bound.Session.LockDelay, bound.Session.TTL = int64(time.Minute), "30s"
	other := session("s2", "n1")
	other.Session.ServiceChecks = []api.ServiceCheck{}
	other.Session.LockDelay = int64(time.Minute)
	query := pq("q1", "named", "web")
	query.Query.Session, query.Query.Service.Tags = "s1", []string{}
	query.Query.Service.Failover = api.QueryFailover{NearestN: 2, Datacenters: []string{"dc2"}, Targets: []api.QueryFailoverTarget{{Peer: "p", Datacenter: "d"}}}
	crit := func(node, id, status string) *UpdateChecks {
		return &UpdateChecks{Updates: []CheckUpdate{{node, id, status, status, ""}}}
	}
	flap := []Command{
		policy("*", &api.CheckDamping{Changes: 1, Hold: seconds(20)}, &api.CheckGuard{Hold: seconds(20)}),
		instance("v1", "flap", "f1", &api.Check{CheckID: "f1", ServiceID: "f1", Status: api.Passing, Probe: &api.CheckDefinition{TCP: "x:1", DeregisterCriticalServiceAfter: 1}}),
		instance("v1", "mass", "m1", &api.Check{CheckID: "m1", ServiceID: "m1", Status: api.Passing, Probe: &api.CheckDefinition{TTL: seconds(60)}}),
		instance("v1", "mass", "m2", &api.Check{CheckID: "m2", ServiceID: "m2", Status: api.Passing, Probe: &api.CheckDefinition{TTL: seconds(60)}}),
		instance("v1", "mass", "m3", &api.Check{CheckID: "m3", ServiceID: "m3", Status: api.Passing, Probe: &api.CheckDefinition{TTL: seconds(60), Observers: 3}}),
		crit("v1", "f1", api.Critical), crit("v1", "m1", api.Critical), crit("v1", "m2", api.Critical), crit("v1", "f1", api.Passing), crit("v1", "m3", api.Critical),
		&ChecksDue{Checks: []CheckRef{{"v1", "f1"}, {"v1", "m2"}, {"v1", "m1"}}}, crit("v1", "f1", api.Critical),
	}
	return append(flap, []Command{
		&SetHistory{Limits: HistoryLimits{Count: 8, Age: time.Hour}},
		instance("n1", "web", "w1", check("node", "", api.Passing), &api.Check{CheckID: "own", ServiceID: "w1", Status: api.Warning, Probe: def}),
		instance("n1", "brief", "b1"), &Deregister{Node: "n1", ServiceID: "b1"},
		instance("n1", "web", "w2"), instance("n2", "web", "w1"), instance("n2", "db", "d1"), instance("n3", "gone", "g1"),
		&Deregister{Node: "n1", ServiceID: "w2"}, &Deregister{Node: "n3"},
		bound, other, set("a/1", "x"), set("a/2", ""), lock("l/1", "s1"), lock("l/2", "s2"), set("t/1", "x"), del("a/2"), delTree("t/"),
		&SessionDestroy{ID: "s2"}, query, template("q2", "t-", "", api.ServiceQuery{Service: "${name.suffix}"}),
		&Event{Event: api.UserEvent{ID: "e1", Name: "deploy", Payload: []byte{0, 1}}},
		&Coordinates{Entries: []api.CoordinateEntry{{Node: "n1", Segment: "x", Coord: &api.Coordinate{Vec: []float64{1, 0}, Error: 1.5}}}},
		&SetAutopilot{Config: api.AutopilotConfig{CleanupDeadServers: true, LastContactThreshold: 5}},
		&SetCA{CA: CA{ID: "ca", Cert: []byte("c"), Key: []byte("k")}},
		instance("n9", ServerService, ServerService), &ServerLeft{Node: "n9"},
		&SetConfigEntry{Entry: ConfigEntry{Kind: "service-defaults", Name: "web", Body: []byte("{}")}},
		&Txn{Ops: []TxnOp{kvOp(KVSet, "txn", "x", 0), kvOp(KVGet, "txn", "", 0)}},
		&ReapTombstones{Through: 1},
		&RestorePart{Upload: "u", Data: []byte("x")},
	}...)
}

func snapshotOf(t *testing.T, s *State) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := s.WriteTo(&b)
	require.NoError(t, err)
	require.EqualValues(t, b.Len(), n)
	return b.Bytes()
}

func TestSnapshotHoldsEverything(t *testing.T) {
	s := openTest(t)
	s.batch(everything()...)
	data := snapshotOf(t, s.State())
	read, err := ReadSnapshot(bytes.NewReader(data))
	require.NoError(t, err)
	require.Equal(t, s.State().Index(), read.Index())
	require.True(t, bytes.Equal(data, snapshotOf(t, read)))
	seen := map[byte]bool{}
	read.records(func(bucket byte, _ string, _ any) error { seen[bucket] = true; return nil })
	for b := bucketMeta + 1; b < bucketCount; b++ {
		require.True(t, seen[b], "bucket %d is empty: extend the log of this test", b)
	}
	// So does registry.db.
	s.reopen()
	require.True(t, bytes.Equal(data, snapshotOf(t, s.State())))
}

func TestDamagedSnapshotIsRefused(t *testing.T) {
	s := openTest(t)
	s.batch(everything()...)
	before := s.State()
	data := snapshotOf(t, before)
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 0x40
		_, err := ReadSnapshot(bytes.NewReader(bad))
		require.ErrorIs(t, err, errSnapshot, "byte %d", i)
		_, err = ReadSnapshot(bytes.NewReader(data[:i]))
		require.ErrorIs(t, err, errSnapshot, "cut at %d", i)
	}
	_, err := ReadSnapshot(bytes.NewReader(append(bytes.Clone(data), 0)))
	require.ErrorIs(t, err, errSnapshot)
	require.ErrorIs(t, s.Restore(bytes.NewReader(data[:100])), errSnapshot)
	require.Same(t, before, s.State())
}

func TestRestoreReplacesAllAndWakesAll(t *testing.T) {
	from := openTest(t)
	from.batch(everything()...)
	data := snapshotOf(t, from.State())

	s := openTest(t)
	s.batch(instance("old", "web", "o1"), set("a/1", "old"), set("old", "x"))
	web, _ := s.State().Service("web")
	node, _ := s.State().Node("old")
	_, noService := s.State().Service("db")
	_, noNode := s.State().Node("n1")
	_, _, key := s.State().Key("old")
	_, prefix := s.State().KeyPrefix("zzz")
	chans := map[string]<-chan struct{}{"service": web.Health.C(), "catalog": web.Catalog.C(), "node": node.Health.C(), "no service": noService,
		"no node": noNode, "key": key.C(), "prefix": prefix.C(), "table": s.State().Table(TableSessions).Watch.C()}

	require.NoError(t, s.Restore(bytes.NewReader(data)))
	for name, ch := range chans {
		require.True(t, fired(ch), name)
	}
	require.True(t, bytes.Equal(data, snapshotOf(t, s.State())))
	index, term := s.Durable()
	require.Equal(t, []uint64{from.index, 1}, []uint64{index, term})

	s.index = from.index
	s.apply(set("after", "x"))
	s.reopen()
	require.NotNil(t, s.pair("after"))
	require.Nil(t, s.pair("old"))
	require.Equal(t, s.index, s.State().Index())
}

func TestFailedRestoreLeavesAllAsItWas(t *testing.T) {
	s := openTest(t)
	s.apply(set("a", "1"))
	data := snapshotOf(t, s.State())
	// A directory stands where the new file has to go.
	blocked := s.path + restoreSuffix
	require.NoError(t, os.MkdirAll(filepath.Join(blocked, "x"), 0o700))
	s.apply(set("b", "1"))
	require.Error(t, s.Restore(bytes.NewReader(data)))
	require.NotNil(t, s.pair("b"))
	require.NoError(t, os.RemoveAll(blocked))
	s.apply(set("c", "1"))
	s.reopen()
	require.Equal(t, []string{"a", "b", "c"}, s.State().KeyNames("", ""))
}

func TestUnfinishedRestoreIsForgotten(t *testing.T) {
	s := openTest(t)
	s.apply(set("a", "1"))
	require.NoError(t, s.Close())
	require.NoError(t, os.WriteFile(s.path+restoreSuffix, []byte("half a file"), 0o600))
	s.reopen()
	require.NotNil(t, s.pair("a"))
	_, err := os.Stat(s.path + restoreSuffix)
	require.True(t, errors.Is(err, os.ErrNotExist))
}

// upload makes the commands that restore a snapshot stream, in parts of a size.
func uploadOf(t *testing.T, name string, data []byte, size int) []Command {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write(data)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	var cs []Command
	for seq := uint64(0); b.Len() > 0; seq++ {
		cs = append(cs, &RestorePart{Upload: name, Seq: seq, Data: bytes.Clone(b.Next(size))})
	}
	return append(cs, &RestoreDone{Upload: name, Parts: uint64(len(cs))})
}

func TestRestoreThroughTheLog(t *testing.T) {
	from := openTest(t)
	from.batch(everything()...)
	from.index = 500 // its indexes are far ahead of those here
	from.apply(set("late", "x"))
	data := snapshotOf(t, from.State())

	s := openTest(t)
	s.batch(instance("old", "web", "o1"), set("a/1", "old"), set("old", "x"))
	web, _ := s.State().Service("web")
	_, noNode := s.State().Node("n1")
	_, before, w := s.State().Key("old")
	chans := []<-chan struct{}{web.Health.C(), web.Catalog.C(), noNode, w.C(), s.State().Table(TableSessions).Watch.C()}
	cs := uploadOf(t, "u", data, 300)
	require.Greater(t, len(cs), 3)
	rs := s.batch(append(cs, set("after", "x"))...)
	for i, r := range rs {
		require.NoError(t, r.Err, "%d", i)
	}
	for i, ch := range chans {
		require.True(t, fired(ch), "%d", i)
	}
	for range 2 {
		st := s.State()
		require.Nil(t, s.pair("old"))
		require.Equal(t, from.pair("a/1"), s.pair("a/1"))
		require.Equal(t, []string{"a/1", "after", "l/1", "l/2", "late", "txn"}, st.KeyNames("", ""))
		require.Greater(t, s.keyIndex("old"), before)
		require.EqualValues(t, 502, s.keyIndex("a/1"), "all is answered with the index of the restore")
		require.EqualValues(t, 503, s.pair("after").ModifyIndex)
		v, _ := st.Service("web")
		require.EqualValues(t, 502, v.HealthIndex)
		require.EqualValues(t, 502, st.Table(TableSessions).Index)
		require.EqualValues(t, 503, st.Index())
		applied, _ := s.LastApplied()
		require.Equal(t, s.index, applied)
		name, _ := st.Uploading()
		require.Empty(t, name)
		s.reopen()
	}
	s.apply(set("a/1", "new"))
	require.EqualValues(t, 504, s.pair("a/1").ModifyIndex)
}

func TestRestoreOfLowerIndexesGoesOn(t *testing.T) {
	from := openTest(t)
	from.apply(set("a", "1"))
	s := openTest(t)
	s.index = 1000
	for _, c := range uploadOf(t, "u", snapshotOf(t, from.State()), 100) {
		require.NoError(t, s.apply(c).Err)
	}
	require.Equal(t, s.index, s.State().Index())
	require.EqualValues(t, 1, s.pair("a").ModifyIndex)
	require.Equal(t, s.index, s.keyIndex("a"))
}

func TestBadUploads(t *testing.T) {
	s := openTest(t)
	s.apply(set("a", "1"))
	data := snapshotOf(t, s.State())
	whole := uploadOf(t, "u", data, 100)
	parts := whole[:len(whole)-1]
	for name, cs := range map[string][]Command{
		"nothing uploaded":  {&RestoreDone{Upload: "u", Parts: 1}},
		"a part is missing": {parts[0], &RestoreDone{Upload: "u", Parts: uint64(len(parts))}},
		"out of order":      {parts[0], &RestorePart{Upload: "u", Seq: 2}},
		"another upload":    {parts[0], &RestorePart{Upload: "v"}, parts[1]},
		"not a snapshot":    uploadOf(t, "x", []byte("no snapshot"), 100),
		"damaged":           uploadOf(t, "x", append(bytes.Clone(data[:60]), data[61:]...), 100),
		"not gzip":          {&RestorePart{Upload: "y", Data: []byte("y")}, &RestoreDone{Upload: "y", Parts: 1}},
		"too large":         {&RestorePart{Upload: "y", Data: make([]byte, MaxRestorePart+1)}},
	} {
		kv := s.State().kv
		rs := s.batch(cs...)
		require.Error(t, rs[len(rs)-1].Err, name)
		require.Equal(t, kv, s.State().kv, name)
		s.reopen()
		require.NotNil(t, s.pair("a"))
	}
	s.batch(parts...)
	require.True(t, s.apply(&RestoreDone{Upload: "u"}).OK)
	_, n := s.State().Uploading()
	require.Zero(t, n)
}

// TestSameLogGivesTheSameState applies one log in batches of several sizes,
// with restarts and a restored snapshot in between.
func TestSameLogGivesTheSameState(t *testing.T) {
	other := openTest(t)
	other.index = 7000
	other.batch(everything()...)
	log := append(everything(), everything()...)
	log = append(log, uploadOf(t, "u", snapshotOf(t, other.State()), 700)...)
	log = append(log, everything()...)
	var want []byte
	for _, size := range []int{1, 2, 3, 7, 16, len(log)} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprint(size, " ", restart), func(t *testing.T) {
				s := openTest(t)
				for rest := log; len(rest) > 0; {
					n := min(size, len(rest))
					s.batch(rest[:n]...)
					rest = rest[n:]
					if restart && len(rest)%2 == 0 {
						s.reopen()
					} else if restart {
						require.NoError(t, s.Restore(bytes.NewReader(snapshotOf(t, s.State()))))
					}
				}
				got := snapshotOf(t, s.State())
				if want == nil {
					want = got
				}
				require.True(t, bytes.Equal(want, got))
				s.reopen()
				require.True(t, bytes.Equal(want, snapshotOf(t, s.State())), "registry.db differs")
			})
		}
	}
}
