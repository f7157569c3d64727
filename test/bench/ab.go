package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// abWrite is ab for durable writes. It takes two references: the bare synced
// append, and beside it a plain HTTP server that appends what each of conc
// connections sends and commits in groups.
func (b *bench) abWrite(r *result, srv *load) {
	if !b.ref.appending {
		c := newConn(b.ref.addr, 4096)
		st, body, err := c.do(put("/append/open", b.syncDir()))
		c.close()
		if err == nil && st != 200 {
			err = fmt.Errorf("append reference: %s", body)
		}
		if !r.check(err) {
			return
		}
		b.ref.appending = true
	}
	req := put("/append", strings.Repeat("x", syncRecord))
	durable := &load{addr: b.ref.addr, conc: srv.conc, build: func(*worker) []byte { return req },
		check: func(_ *worker, st int, body []byte) error {
			if st != 200 {
				return fmt.Errorf("append reference: %.100s", body)
			}
			return nil
		}}
	b.ab(r, &syncRef{dir: b.syncDir()}, 0, srv, durable)
}

// ab runs the reference, more references if any, and the server in turns and
// files the medians.
func (b *bench) ab(r *result, ref runner, refPid int, srv runner, durable ...runner) {
	defer srv.close()
	defer ref.close()
	var durOps, durRatio []float64
	type side struct{ ops, p50, p99, cpu, all, mb []float64 }
	var rs, ss side
	var ratio, bg []float64
	one := func(x runner, pid int, s *side) float64 {
		c0, a0 := cpuSeconds(pid), b.allCPU()
		sm := x.run(b.round)
		c1, a1 := cpuSeconds(pid), b.allCPU()
		if sm.nerr > 0 {
			r.failf("%d errors: %v", sm.nerr, sm.errs)
		}
		s.ops = append(s.ops, sm.rate())
		s.p50 = append(s.p50, ms(sm.lat.quantile(.5)))
		s.p99 = append(s.p99, ms(sm.lat.quantile(.99)))
		if sm.ops > 0 {
			s.cpu = append(s.cpu, (c1-c0)*1e6/float64(sm.ops))
			s.all = append(s.all, (a1-a0)*1e6/float64(sm.ops))
		}
		s.mb = append(s.mb, float64(sm.bytes)/sm.secs/1e6)
		return sm.rate()
	}
	if s := ref.run(b.warm); s.nerr > 0 {
		r.failf("reference: %v", s.errs)
		return
	}
	for _, d := range durable {
		defer d.close()
		if s := d.run(b.warm); s.nerr > 0 {
			r.failf("reference: %v", s.errs)
			return
		}
	}
	if s := srv.run(b.warm); s.nerr > 0 {
		r.failf("%d errors in the warm-up: %v", s.nerr, s.errs)
		return
	}
	for i := 0; i < b.rounds && r.OK; i++ {
		w := b.watchCPU(b.ref.pid, b.pid)
		x := one(ref, refPid, &rs)
		z := 0.0
		for _, d := range durable {
			s := d.run(b.round)
			if s.nerr > 0 {
				r.failf("reference: %v", s.errs)
			}
			z = s.rate()
		}
		y := one(srv, b.pid, &ss)
		bg = append(bg, w())
		if z > 0 {
			durOps = append(durOps, z)
			durRatio = append(durRatio, y/z)
		}
		if x > 0 {
			ratio = append(ratio, y/x)
		}
	}
	r.set("ops_s", median(ss.ops))
	r.set("p50_ms", median(ss.p50))
	r.set("p99_ms", median(ss.p99))
	r.set("ref_ops_s", median(rs.ops))
	r.set("ref_p50_ms", median(rs.p50))
	r.set("ref_p99_ms", median(rs.p99))
	r.set("ratio", median(ratio))
	if len(durOps) > 0 {
		r.set("durable_ops_s", median(durOps))
		r.set("durable_ratio", median(durRatio))
	}
	if b.pid != 0 {
		r.set("cpu_us_op", median(ss.cpu))
	}
	if len(b.pids) > 1 {
		r.set("all_cpu_us_op", median(ss.all))
	}
	if refPid != 0 {
		r.set("ref_cpu_us_op", median(rs.cpu))
	}
	if m := median(ss.mb); m > 1 {
		r.set("mb_s", m)
	}
	r.set("bg_cores", median(bg))
	r.Rounds = ratio
}

// watchCPU returns a function that says how many cores, on average, processes
// other than this one, the servers and the given pids kept busy since watchCPU was called.
func (b *bench) watchCPU(pids ...int) func() float64 {
	known := map[int]bool{os.Getpid(): true}
	for _, p := range append(pids, b.pids...) {
		known[p] = true
	}
	own := func() (s float64) {
		for p := range known {
			s += cpuSeconds(p)
		}
		return
	}
	t0, busy0, own0 := time.Now(), busySeconds(), own()
	return func() float64 {
		v := (busySeconds() - busy0 - (own() - own0)) / time.Since(t0).Seconds()
		if v < 0 {
			v = 0
		}
		return v
	}
}

// allCPU is the CPU time of all servers named by -pids.
func (b *bench) allCPU() (s float64) {
	for _, p := range b.pids {
		s += cpuSeconds(p)
	}
	return
}
