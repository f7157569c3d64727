package main

import (
	"fmt"
	"time"
)

func (b *bench) propagation() {
	// Told: the agent is told that a check fails.
	n := 40
	if b.full {
		n = 200
	}
	c := b.caller(setupConns)
	defer c.close()
	for _, kind := range []string{"told", "expired"} {
		r := b.begin("propagation", kind)
		name := "prop-" + kind + "-" + b.id
		id := func(i int) string { return fmt.Sprintf("%s-%04d", name, i) }
		ttl := "10m"
		const ttlShort = 2 * time.Second
		if kind == "expired" {
			ttl = ttlShort.String()
			n /= 2
		}
		// One instance that never fails keeps the answer from being empty.
		reg := func(i int) error {
			t := ttl
			if i == n {
				t = "10m"
			}
			_, err := c.call(i%setupConns, put("/v1/agent/service/register", fmt.Sprintf(
				`{"ID":%q,"Name":%q,"Port":%d,"Meta":{"mark":"mk%sx"},"Check":{"TTL":%q,"Status":"passing"}}`, id(i), name, 1024+i, id(i), t)))
			return err
		}
		pass := func(i int) error {
			_, err := c.call(i%setupConns, put("/v1/agent/check/pass/service:"+id(i), ""))
			return err
		}
		err := func() error {
			if err := reg(n); err != nil {
				return err
			}
			if kind == "told" {
				for i := 0; i < n; i++ {
					if err := reg(i); err != nil {
						return err
					}
				}
				err := waitFor(20*time.Second, 20*time.Millisecond, func() error {
					var es []healthEntry
					if err := c.json(get("/v1/health/service/"+name+"?passing"), &es); err != nil {
						return err
					}
					if len(es) != n+1 {
						return fmt.Errorf("%d instances, want %d", len(es), n+1)
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			gone := newGone(b.addr, name, n, func(i int) string { return "mk" + id(i) + "x" })
			if err := gone.start(); err != nil {
				return err
			}
			defer gone.stop()
			due := make([]time.Time, n)
			for i := 0; i < n; i++ {
				if kind == "told" {
					due[i] = time.Now()
					gone.expect(i)
					if _, err := c.call(0, put("/v1/agent/check/fail/service:"+id(i), "")); err != nil {
						return err
					}
					time.Sleep(37 * time.Millisecond)
				} else {
					if err := reg(i); err != nil {
						return err
					}
					if err := gone.waitPresent(i, 10*time.Second); err != nil {
						return err
					}
					due[i] = time.Now().Add(ttlShort)
					if err := pass(i); err != nil {
						return err
					}
					gone.expect(i)
					time.Sleep(37 * time.Millisecond)
				}
			}
			at, err := gone.wait(30 * time.Second)
			if err != nil {
				return err
			}
			lat := make([]float64, n)
			for i := range lat {
				lat[i] = ms(at[i].Sub(due[i]))
				if lat[i] < 0 {
					return fmt.Errorf("instance %d left %.1f ms before it was due", i, -lat[i])
				}
			}
			r.set("min_ms", quantile(lat, 0))
			r.set("p50_ms", median(lat))
			r.set("p99_ms", quantile(lat, .99))
			r.set("max_ms", quantile(lat, 1))
			r.set("n", float64(n))
			return nil
		}()
		r.check(err)
		for i := 0; i <= n; i++ {
			c.call(0, put("/v1/agent/service/deregister/"+id(i), ""))
		}
		b.done(r)
	}
}
