package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// kill is one death of the leader, with writes to numbered keys around it.
type kill struct {
	*bench
	prefix string
	lead   int      // number of the server that is killed
	live   []string // addresses of the others

	next    atomic.Uint64 // number of the newest write
	log     ackLog        // of those that were confirmed
	writers sync.WaitGroup
}

func (k *kill) value(id uint64) string { return fmt.Sprintf("value-%09d-of-%s", id, k.id) }

// write makes the next write, and notes it if it is confirmed.
func (k *kill) write(c *conn) (confirmed bool, err error) {
	id := k.next.Add(1)
	st, body, err := c.doTimeout(put(fmt.Sprintf("/v1/kv/%s%09d", k.prefix, id), k.value(id)), 15*time.Second)
	if confirmed = err == nil && st == 200 && strings.TrimSpace(string(body)) == "true"; confirmed {
		k.log.add(id)
	}
	return confirmed, err
}

// steady starts writers that spread over all servers, each with one write at a
// time, and returns what tells them to stop.
func (k *kill) steady(n int) (stop func()) {
	var over atomic.Bool
	for w := 0; w < n; w++ {
		k.writers.Add(1)
		go func(addr string) {
			defer k.writers.Done()
			c := newConn(addr, 4096)
			defer c.close()
			for !over.Load() {
				if _, err := k.write(c); err != nil {
					time.Sleep(5 * time.Millisecond)
				}
			}
		}(k.addrs[w%len(k.addrs)])
	}
	return func() { over.Store(true) }
}

// outage asks the survivors in an open loop: a write and two reads every 10 ms,
// none waiting for another, until all three kinds work again.
func (k *kill) outage(tKill time.Time, o *failOutcome) error {
	var mu sync.Mutex
	var wOK, rOK time.Time
	var sOK []time.Time
	var failed atomic.Int64
	var pending sync.WaitGroup
	tokens := make(chan struct{}, 3000)
	probe := func(addr, kind string) {
		select {
		case tokens <- struct{}{}:
		default:
			return
		}
		pending.Add(1)
		go func() {
			defer func() { <-tokens; pending.Done() }()
			c := newConn(addr, 4096)
			defer c.close()
			if !k.probe(c, kind) {
				if kind == "write" {
					failed.Add(1)
				}
				return
			}
			now := time.Now()
			mu.Lock()
			defer mu.Unlock()
			switch {
			case kind == "write" && wOK.IsZero():
				wOK = now
			case kind == "read" && rOK.IsZero():
				rOK = now
			case kind == "stale":
				sOK = append(sOK, now)
			}
		}()
	}
	end := tKill.Add(60 * time.Second)
	for i := 0; time.Now().Before(end); i++ {
		at := time.Duration(i) * 10 * time.Millisecond
		if at > 5*time.Second { // a long outage: ask less often
			at = 5*time.Second + (at-5*time.Second)*5
		}
		time.Sleep(time.Until(tKill.Add(at)))
		addr := k.live[i%len(k.live)]
		probe(addr, "write")
		probe(addr, "read")
		probe(addr, "stale")
		mu.Lock()
		over := !wOK.IsZero() && !rOK.IsZero() && time.Since(wOK) > time.Second
		mu.Unlock()
		if over {
			break
		}
	}
	pending.Wait()
	k.writers.Wait()
	if wOK.IsZero() || rOK.IsZero() {
		return fmt.Errorf("no write or read succeeded within a minute of the kill")
	}
	o.write = wOK.Sub(tKill).Seconds()
	o.read = rOK.Sub(tKill).Seconds()
	o.stale = longestGap(tKill, sOK)
	o.failed = failed.Load()
	return nil
}

// probe makes one request and reports whether it was answered as it should be.
func (k *kill) probe(c *conn, kind string) bool {
	if kind == "write" {
		confirmed, _ := k.write(c)
		return confirmed
	}
	q := "/v1/kv/" + k.prefix + "known?raw"
	if kind == "stale" {
		q += "&stale"
	}
	st, body, err := c.doTimeout(get(q), 15*time.Second)
	return err == nil && st == 200 && string(body) == "known"
}

// longestGap returns the longest time without an answer since begin, in seconds.
func longestGap(begin time.Time, answers []time.Time) (gap float64) {
	for _, t := range answers {
		gap = max(gap, t.Sub(begin).Seconds())
		if t.After(begin) {
			begin = t
		}
	}
	return gap
}

// readBack counts the confirmed writes that are gone, seen from each survivor.
func (k *kill) readBack(o *failOutcome) error {
	o.acked = len(k.log.ids)
	for _, a := range k.live {
		c := newConn(a, 64<<10)
		st, body, err := c.doTimeout(get("/v1/kv/"+k.prefix+"?recurse"), 60*time.Second)
		if err != nil || st != 200 {
			c.close()
			return fmt.Errorf("reading back: status %d, %v", st, err)
		}
		var kvs []struct{ Key, Value string }
		err = json.Unmarshal(body, &kvs)
		c.close()
		if err != nil {
			return err
		}
		have := make(map[uint64]string, len(kvs))
		for _, kv := range kvs {
			if id, err := strconv.ParseUint(strings.TrimPrefix(kv.Key, k.prefix), 10, 64); err == nil {
				have[id] = kv.Value
			}
		}
		gone := 0
		for _, id := range k.log.ids {
			v, err := base64.StdEncoding.DecodeString(have[id])
			if err != nil || !bytes.Equal(v, []byte(k.value(id))) {
				gone++
			}
		}
		if gone > o.lost {
			o.lost = gone
			o.note = "seen from " + a
		}
	}
	return nil
}

// comeBack starts the killed server again, and waits until it follows and has
// its vote. mark is a value that nothing was written with before.
func (k *kill) comeBack(mark string, o *failOutcome) error {
	if err := waitFor(20*time.Second, 2*time.Millisecond, func() error {
		if alive(k.pids[k.lead]) {
			return fmt.Errorf("process %d did not end", k.pids[k.lead])
		}
		return nil
	}); err != nil {
		return err
	}
	tBack := time.Now()
	p, err := startServer(strings.ReplaceAll(k.nodeCmd, "{n}", strconv.Itoa(k.lead+1)), k.serverLog)
	if err != nil {
		return err
	}
	k.started = append(k.started, p)
	if k.pids[k.lead] == k.pid {
		k.pid = p.pid()
	}
	k.pids[k.lead] = p.pid()
	if err := waitFor(time.Minute, 50*time.Millisecond, func() error { return k.follows(mark) }); err != nil {
		return err
	}
	o.rejoin = time.Since(tBack).Seconds()
	if err := k.waitVoters(k.live[0]); err != nil {
		return err
	}
	o.voter = time.Since(tBack).Seconds()
	return nil
}

// follows writes the mark through a survivor and returns nil if the server that
// was killed has it.
func (k *kill) follows(mark string) error {
	c := newConn(k.live[0], 4096)
	defer c.close()
	if st, body, err := c.doTimeout(put("/v1/kv/"+k.prefix+"back", mark), 10*time.Second); err != nil || st != 200 {
		return fmt.Errorf("after the restart: %d %v %.100s", st, err, body)
	}
	x := newConn(k.addrs[k.lead], 4096)
	defer x.close()
	st, body, err := x.doTimeout(get("/v1/kv/"+k.prefix+"back?raw&stale"), 10*time.Second)
	if err != nil || st != 200 || string(body) != mark {
		return fmt.Errorf("restarted server does not follow: %d %v", st, err)
	}
	return nil
}
