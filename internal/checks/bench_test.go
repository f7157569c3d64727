package checks

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

const many = 10_000

// BenchmarkHeartbeat sends heartbeats round robin to 10,000 TTL checks.
func BenchmarkHeartbeat(b *testing.B) {
	r := newRunner(b, Config{})
	cs, ids := make([]*api.Check, many), make([]ID, many)
	for i := range cs {
		cs[i] = ttlCheck(fmt.Sprintf("service:web-%05d", i), 10*time.Minute, api.Passing)
		ids[i] = named(cs[i].CheckID)
	}
	r.Reconcile(cs, nil)
	b.ReportAllocs()
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		i := int(next.Add(many / 7))
		for pb.Next() {
			if err := r.Heartbeat(ids[i%many], api.Passing, "", ""); err != nil {
				b.Error(err)
			}
			i++
		}
	})
}

// BenchmarkSchedule runs 10,000 HTTP checks each second against a peer in
// memory; an operation is one run. It reports how late runs are, and what an
// idle check costs in memory.
func BenchmarkSchedule(b *testing.B) {
	cs := make([]*api.Check, many)
	for i := range cs {
		cs[i] = httpCheck(fmt.Sprintf("web-%05d", i), time.Second)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC() // the second frees what the first took out of pools
	runtime.ReadMemStats(&before)
	var runs atomic.Int64
	reached := make(chan struct{})
	r := NewRunner(Config{HTTPTransport: peer(func(*http.Request) (int, string, error) {
		if runs.Add(1) == int64(b.N) {
			close(reached)
		}
		return http.StatusOK, "", nil
	})})
	defer r.Close()
	b.ResetTimer()
	start := time.Now()
	r.Reconcile(cs, nil)
	runtime.GC()
	runtime.ReadMemStats(&after)
	<-reached
	b.ReportMetric(float64(runs.Load())/time.Since(start).Seconds(), "runs/s")
	b.ReportMetric(float64(int64(after.HeapAlloc)-int64(before.HeapAlloc))/many, "B/check")
	runtime.KeepAlive(cs)
}

// BenchmarkReconcileSame tells the runner of 10,000 checks it has already.
func BenchmarkReconcileSame(b *testing.B) {
	r := newRunner(b, Config{})
	cs := make([]*api.Check, many)
	for i := range cs {
		cs[i] = ttlCheck(fmt.Sprint(i), time.Hour, api.Passing)
	}
	r.Reconcile(cs, nil)
	b.ReportAllocs()
	for b.Loop() {
		r.Reconcile(cs, nil)
	}
}

// BenchmarkExpire lets 1,000 TTLs end over a second; an operation is one round.
// It reports how late Emit hears of an end.
func BenchmarkExpire(b *testing.B) {
	const n, ttl = 1000, time.Second
	for b.Loop() {
		due := make(map[ID]time.Time, n)
		late := make(chan time.Duration, n)
		var mu sync.Mutex
		r := newRunner(b, Config{Emit: func(batch []Transition) {
			mu.Lock()
			defer mu.Unlock()
			for _, t := range batch {
				late <- time.Since(due[t.ID])
			}
		}})
		for i := range n {
			c := ttlCheck(fmt.Sprint(i), ttl+time.Duration(i)*time.Millisecond, api.Passing)
			mu.Lock()
			r.Reconcile([]*api.Check{c}, nil)
			due[named(c.CheckID)] = time.Now().Add(time.Duration(c.Probe.TTL))
			mu.Unlock()
		}
		var all []time.Duration
		for range n {
			all = append(all, <-late)
		}
		slices.Sort(all)
		b.ReportMetric(float64(all[n*99/100].Microseconds()), "µs-late-p99")
	}
}
