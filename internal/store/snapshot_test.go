package store

import (
	"bytes"
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
	return []Command{
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
		&SetConfigEntry{Entry: ConfigEntry{Kind: "service-defaults", Name: "web", Body: []byte("{}")}},
		&Txn{Ops: []TxnOp{kvOp(KVSet, "txn", "x", 0), kvOp(KVGet, "txn", "", 0)}},
		&ReapTombstones{Through: 1},
	}
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

func TestRestoreAtAnotherIndex(t *testing.T) {
	from := openTest(t)
	from.batch(everything()...)
	s := openTest(t)
	require.NoError(t, s.RestoreAt(bytes.NewReader(snapshotOf(t, from.State())), 1000, 7))
	s.index = 1000
	for range 2 {
		index, term := s.LastApplied()
		require.Equal(t, []uint64{1000, 7}, []uint64{index, term})
		require.Equal(t, from.pair("a/1"), s.pair("a/1"))
		s.reopen()
	}
	s.apply(set("a/1", "new"))
	require.EqualValues(t, 1001, s.pair("a/1").ModifyIndex)
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

// TestSameLogGivesTheSameState applies one log in batches of several sizes,
// with restarts and a restored snapshot in between.
func TestSameLogGivesTheSameState(t *testing.T) {
	log := append(everything(), everything()...)
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
