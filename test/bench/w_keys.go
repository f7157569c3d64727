package main

import (
	"encoding/base64"
	"fmt"
	"math/rand"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	keysPerPrefix = 100
	keyValueSize  = 100 // bytes
	keyTxn        = 64  // keys of one transaction
)

// keyPair is one key as the server shows it.
type keyPair struct {
	Key   string
	Value []byte
}

// keys loads very many keys and asks what they cost: memory, disk, the time of
// a prefix read among them, and of a restart after a kill.
func (b *bench) keys() {
	n := 100000
	if b.full {
		n = 1000000
	}
	r := b.begin("keys", fmt.Sprintf("%d of %d B", n, keyValueSize))
	defer func() { b.done(r) }()
	root := "bench-" + b.id + "/"
	prefix := func(p int) string { return fmt.Sprintf("%s%06d/", root, p) }
	key := func(i int) string { return fmt.Sprintf("%skey-%03d", prefix(i/keysPerPrefix), i%keysPerPrefix) }
	value := func(i int) string {
		return fmt.Sprintf("%0*d", keyValueSize, i)
	}
	rss0, disk0, cpu0 := rssMB(b.pid), b.dataMB(), cpuSeconds(b.pid)

	const conc = 16
	c := b.caller(conc)
	defer c.close()
	t0 := time.Now()
	err := parallel((n+keyTxn-1)/keyTxn, conc, func(w, k int) error {
		var ops []string
		for i := k * keyTxn; i < n && i < (k+1)*keyTxn; i++ {
			ops = append(ops, fmt.Sprintf(`{"KV":{"Verb":"set","Key":%q,"Value":%q}}`, key(i), base64.StdEncoding.EncodeToString([]byte(value(i)))))
		}
		_, err := c.call(w, put("/v1/txn", "["+strings.Join(ops, ",")+"]"))
		return err
	})
	if !r.check(err) {
		return
	}
	r.set("load_s", time.Since(t0).Seconds())
	r.set("keys_s", float64(n)/time.Since(t0).Seconds())
	if b.pid != 0 {
		r.set("cpu_us_key", (cpuSeconds(b.pid)-cpu0)*1e6/float64(n))
	}

	// read asks for a prefix by the connection and compares all of it.
	read := func(c *caller, p int) error {
		var have []keyPair
		if err := c.json(get("/v1/kv/"+prefix(p)+"?recurse"), &have); err != nil {
			return err
		}
		if len(have) != keysPerPrefix {
			return missing(fmt.Sprintf("prefix %d: %d keys", p, len(have)))
		}
		for i, pair := range have {
			if at := p*keysPerPrefix + i; pair.Key != key(at) || string(pair.Value) != value(at) {
				return fmt.Errorf("prefix %d: wrong pair %s", p, pair.Key)
			}
		}
		return nil
	}
	var took []float64
	for i := 0; i < 1000; i++ {
		t := time.Now()
		if !r.check(read(c, rand.Intn(n/keysPerPrefix))) {
			return
		}
		took = append(took, time.Since(t).Seconds()*1000)
	}
	r.set("prefix_p50_ms", median(took))
	r.set("prefix_p99_ms", quantile(took, 0.99))

	time.Sleep(30 * time.Second) // until memory and files have come to rest
	if b.pid != 0 {
		r.set("rss_before_mb", rss0)
		r.set("rss_mb", rssMB(b.pid))
		r.set("rss_b_key", (rssMB(b.pid)-rss0)*(1<<20)/float64(n))
	}
	if b.dataDir != "" {
		r.set("disk_mb", b.dataMB())
		r.set("disk_b_key", (b.dataMB()-disk0)*(1<<20)/float64(n))
	}
	if b.restartCmd != "" && b.pid != 0 {
		c.close()
		if !b.restartWithKeys(r, func(c *caller) error { return read(c, n/keysPerPrefix-1) }) {
			return
		}
		after := b.caller(1)
		defer after.close()
		for p := 0; p < n/keysPerPrefix; p += n / keysPerPrefix / 100 {
			r.check(read(after, p))
		}
	}
	last := newConn(b.addr, 64<<10)
	defer last.close()
	t0 = time.Now()
	st, _, err := last.doTimeout(request("DELETE", "/v1/kv/"+root+"?recurse", ""), time.Minute)
	if r.check(err) && st != 200 {
		r.failf("removal answered %d", st)
	}
	r.set("remove_all_s", time.Since(t0).Seconds())
}

// dataMB is the size of the data directory, 0 when it is not known.
func (b *bench) dataMB() float64 {
	if b.dataDir == "" {
		return 0
	}
	return diskMB(b.dataDir)
}

// restartWithKeys kills the server, starts it again and waits for the first
// right answer to a default read. A 200 with anything else fails.
func (b *bench) restartWithKeys(r *result, read func(*caller) error) bool {
	if !r.check(killPID(b.pid, syscall.SIGKILL)) {
		return false
	}
	t0 := time.Now()
	p, err := startServer(b.restartCmd, b.serverLog)
	if !r.check(err) {
		return false
	}
	b.started = append(b.started, p)
	b.pid = p.pid()
	var partial atomic.Int64
	err = waitFor(2*time.Minute, 5*time.Millisecond, func() error {
		c := b.caller(1)
		defer c.close()
		err := read(c)
		if _, ok := err.(missing); ok {
			partial.Add(1)
		}
		return err
	})
	r.set("restart_s", time.Since(t0).Seconds())
	if n := partial.Load(); n > 0 {
		r.failf("%d answers said 200 while keys were missing", n)
	}
	if !r.check(err) {
		return false
	}
	time.Sleep(5 * time.Second)
	r.set("rss_restarted_mb", rssMB(b.pid))
	return true
}
