package store

import (
	"fmt"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/registryd/registryd/pkg/api"
)

// ordinary returns the n-th change of a busy registry: of five, three are
// transitions with the output of an HTTP check, one is a registration and one a
// removal.
func ordinary(n int) api.HistoryEvent {
	id := fmt.Sprintf("checkout-%04d", n%5000)
	e := api.HistoryEvent{Kind: api.HistoryCheck, Node: fmt.Sprintf("host-%03d.example", n%400), Service: "checkout", ServiceID: id, CheckID: "service:" + id, Server: "registry-1",
		From: api.Critical, To: api.Passing, Reason: "HTTP GET http://10.12.34.56:8080/health: 200 OK Output: ok"}
	switch n % 5 {
	case 3:
		e.Kind, e.CheckID, e.From, e.To, e.Reason, e.Client = api.HistoryRegistered, "", "", "", "", "10.12.34.56"
	case 4:
		e.Kind, e.CheckID, e.From, e.To, e.Reason, e.Client = api.HistoryRemoved, "", "", "", "deregistered", "10.12.34.56"
	}
	return e
}

// noteAll notes events, ten to a command, in drafts of their own.
func noteAll(s *Store, from, to int) {
	for n := from; n < to; n += 10 {
		d := s.newDraft()
		d.index, d.now = uint64(n), time.UnixMilli(int64(n))
		for i := range 10 {
			d.note(ordinary(n + i))
		}
		s.publish(d, Entry{Index: uint64(n), Term: 1})
	}
}

// BenchmarkHistory says what an event costs in memory and on disk, in bytes,
// when as many as the default are kept and many more have come and gone.
func BenchmarkHistory(b *testing.B) {
	const kept = 4096
	var s *Store
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	pages := func() (n int) {
		require.NoError(b, s.disk.db.View(func(tx *bolt.Tx) error {
			st := tx.Bucket([]byte{bucketHistory}).Stats()
			n = st.LeafAlloc + st.BranchAlloc
			return nil
		}))
		return n
	}
	var err error
	s, err = Open(filepath.Join(b.TempDir(), "registry.db"))
	require.NoError(b, err)
	defer s.Close()
	d := s.newDraft()
	(&SetHistory{Limits: HistoryLimits{Count: kept}}).apply(d)
	s.publish(d, Entry{Index: 1, Term: 1})
	_, err = s.Checkpoint(0)
	require.NoError(b, err)
	memory := heap()
	at := 10
	for b.Loop() {
		noteAll(s, at, at+10*kept)
		at += 10 * kept
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*10*kept), "ns/event")
	_, err = s.Checkpoint(0)
	require.NoError(b, err)
	b.ReportMetric(float64(heap()-memory)/kept, "B/event")
	b.ReportMetric(float64(pages())/kept, "diskB/event")
	require.Len(b, s.State().history.list, kept)
}

// BenchmarkRegister says what noting a registration adds to it.
func BenchmarkRegister(b *testing.B) {
	for _, kept := range []int{0, 4096} {
		b.Run(fmt.Sprint("kept=", kept), func(b *testing.B) {
			s, err := Open(filepath.Join(b.TempDir(), "registry.db"))
			require.NoError(b, err)
			defer s.Close()
			s.ApplyBatch([]Entry{{Index: 1, Term: 1, Data: Encode(&SetHistory{Limits: HistoryLimits{Count: kept}})}})
			index := uint64(1)
			b.ReportAllocs()
			for b.Loop() {
				index++
				id := fmt.Sprint("web-", index)
				c := instance(fmt.Sprint("n", index%500), "web", id, check("service:"+id, id, api.Passing))
				c.Service.Service = fmt.Sprint("svc", index%1000)
				Sign(c, "registry-1", "10.1.2.3")
				s.ApplyBatch([]Entry{{Index: index, Term: 1, Time: time.Unix(int64(index), 0), Data: Encode(c)}})
			}
		})
	}
}
