//go:build unix

package checks

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// BenchmarkHTTPProbe probes a responder over loopback; an operation is one
// probe, connection and all.
func BenchmarkHTTPProbe(b *testing.B) {
	addr := responder(b, "127.0.0.1:0")
	p := newProber(Config{}.withDefaults())
	def := &api.CheckDefinition{HTTP: "http://" + addr + "/health", Interval: api.Duration(time.Second)}
	b.ReportAllocs()
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		if status, output := p.run(ctx, named("a"), kindHTTP, def); status != api.Passing {
			b.Fatal(output)
		}
		cancel()
	}
}

// BenchmarkProbes runs HTTP checks, each every ten seconds, against responders
// in this process on 50 loopback addresses, and reports how late runs began and
// how many cores both sides took together. An operation is one run.
// REGISTRYD_BENCH_CHECKS sets how many checks there are: 50000 is the promise.
func BenchmarkProbes(b *testing.B) {
	const hosts, every = 50, 10 * time.Second
	n, err := strconv.Atoi(cmp.Or(os.Getenv("REGISTRYD_BENCH_CHECKS"), "1000"))
	if err != nil {
		b.Fatal(err)
	}
	addrs := make([]string, hosts)
	for i := range addrs {
		addrs[i] = responder(b, fmt.Sprintf("127.0.1.%d:0", i+1))
	}
	cs := make([]*api.Check, n)
	for i := range cs {
		id := fmt.Sprintf("service:web-%05d", i)
		cs[i] = &api.Check{Node: "n", CheckID: id, Status: api.Passing, Probe: &api.CheckDefinition{
			HTTP: "http://" + addrs[i%hosts] + "/health", Interval: api.Duration(every)}}
	}
	r := newRunner(b, Config{Emit: func(batch []Transition) {
		for _, t := range batch {
			if t.Status != api.Passing {
				b.Errorf("%s is %s: %s", t.ID.CheckID, t.Status, t.Output)
			}
		}
	}})
	var late []time.Duration
	b.ResetTimer()
	cpu, start := cpuTime(b), time.Now()
	r.Reconcile(cs, nil)
	for runs := 0; runs < b.N; runs += n {
		time.Sleep(every) // in which each check runs once
		r.Runs(func(run Run) { late = append(late, run.Late) })
		b.Log(r.Load())
	}
	wall := time.Since(start)
	slices.Sort(late)
	b.ReportMetric(float64(n)/every.Seconds(), "checks/s")
	b.ReportMetric((cpuTime(b)-cpu).Seconds()/wall.Seconds(), "cores")
	for _, p := range []int{50, 99, 100} {
		b.ReportMetric(float64(late[(len(late)-1)*p/100].Microseconds()), fmt.Sprintf("µs-late-p%d", p))
	}
}

// cpuTime is what this process has used of the processors.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// responder answers any HTTP request with the same bytes and closes, at as
// little cost as can be, so that a benchmark measures the side that asks.
func responder(b *testing.B, addr string) string {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				var buf [1024]byte
				for n := 0; !bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")); {
					m, err := conn.Read(buf[n:])
					if n += m; err != nil {
						return
					}
				}
				_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"))
			})
		}
	})
	b.Cleanup(func() { ln.Close(); serving.Wait() })
	return ln.Addr().String()
}
