package main

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// pool is a set of waiting readers (blocking queries) on one path. Each knows
// the answer it has and waits for a newer one.
type pool struct {
	addr  string
	path  string // with a query; "&index=N" is appended
	count []byte // marker of an instance
	n     int    // instances expected in every answer

	want    atomic.Pointer[wanted]
	wakeups atomic.Uint64 // answers that did not hold what was wanted
	wrong   atomic.Uint64 // answers with a wrong number of instances, or errors
	mu      sync.Mutex
	lastErr string
	stopped atomic.Bool
	conns   []*conn
	nets    []net.Conn // of conns, kept to end them from outside
	wg      sync.WaitGroup
	bufs    sync.Pool
}

// wanted is one change: the marker its answer holds, and who has seen it when.
type wanted struct {
	marker []byte
	seen   []atomic.Int64 // unix nanoseconds per reader
	left   atomic.Int64
	done   chan struct{}
}

func startPool(addr, path, marker string, n, readers int) (*pool, error) {
	p := &pool{addr: addr, path: path, count: []byte(marker), n: n}
	p.bufs.New = func() any { b := make([]byte, 0, 4096); return &b }
	for i := 0; i < readers; i++ {
		p.conns = append(p.conns, newConn(addr, 4096))
	}
	// Connect and make the first read a few at a time, then wait.
	index := make([]uint64, readers)
	err := parallel(readers, 32, func(_, i int) error {
		c := p.conns[i]
		st, body, err := c.doTimeout(get(p.path), 30*time.Second)
		if err != nil {
			return err
		}
		if st != 200 || bytes.Count(body, p.count) != n {
			return fmt.Errorf("first read: status %d, %d instances, want %d", st, bytes.Count(body, p.count), n)
		}
		index[i] = c.index
		if c.index == 0 {
			return fmt.Errorf("first read: no X-Consul-Index")
		}
		c.body = nil
		return nil
	})
	if err != nil {
		for _, c := range p.conns {
			c.close()
		}
		return nil, err
	}
	for _, c := range p.conns {
		p.nets = append(p.nets, c.nc)
	}
	for i, c := range p.conns {
		p.wg.Add(1)
		go p.reader(i, c, index[i])
	}
	return p, nil
}

func (p *pool) reader(i int, c *conn, index uint64) {
	defer p.wg.Done()
	var req []byte
	for {
		req = append(req[:0], "GET "...)
		req = append(req, p.path...)
		req = fmt.Appendf(req, "&index=%d HTTP/1.1\r\nHost: registrybench\r\n\r\n", index)
		if c.nc == nil {
			p.bad("the server closed the connection")
			return
		}
		if err := c.send(req); err != nil {
			p.bad("%v", err)
			return
		}
		if _, err := c.br.Peek(1); err != nil {
			p.bad("%v", err)
			return
		}
		buf := p.bufs.Get().(*[]byte)
		st, body, err := c.read((*buf)[:0])
		now := time.Now().UnixNano()
		if err != nil {
			p.bad("%v", err)
			return
		}
		switch w := p.want.Load(); {
		case st != 200:
			p.bad("status %d: %.100s", st, body)
			return
		case bytes.Count(body, p.count) != p.n:
			p.bad("%d instances, want %d", bytes.Count(body, p.count), p.n)
		case w != nil && bytes.Contains(body, w.marker) && w.seen[i].Load() == 0:
			w.seen[i].Store(now)
			if w.left.Add(-1) == 0 {
				close(w.done)
			}
		default:
			p.wakeups.Add(1)
		}
		if c.index < index { // never go backwards, as the API asks of clients
			c.index = 0
		}
		index = c.index
		*buf = body
		p.bufs.Put(buf)
	}
}

func (p *pool) bad(format string, a ...any) {
	if p.stopped.Load() {
		return
	}
	p.wrong.Add(1)
	p.mu.Lock()
	p.lastErr = fmt.Sprintf(format, a...)
	p.mu.Unlock()
}

func (p *pool) problem() error {
	if n := p.wrong.Load(); n > 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		return fmt.Errorf("%d wrong answers to waiting readers, last: %s", n, p.lastErr)
	}
	return nil
}

func (p *pool) stop() {
	p.stopped.Store(true)
	for _, nc := range p.nets {
		if nc != nil {
			nc.Close()
		}
	}
	p.wg.Wait()
}

// fanTimes are the delays of one change, in milliseconds.
type fanTimes struct{ ack, first, p50, p99, last float64 }

// change makes one change and waits until every reader has the answer with
// the marker.
func (p *pool) change(marker string, do func() error) (f fanTimes, err error) {
	w := &wanted{marker: []byte(marker), seen: make([]atomic.Int64, len(p.conns)), done: make(chan struct{})}
	w.left.Store(int64(len(p.conns)))
	p.want.Store(w)
	t0 := time.Now()
	if err = do(); err != nil {
		return f, err
	}
	f.ack = ms(time.Since(t0))
	select {
	case <-w.done:
	case <-time.After(30 * time.Second):
		return f, fmt.Errorf("%d of %d readers did not see the change in 30 s", w.left.Load(), len(p.conns))
	}
	at := make([]float64, len(w.seen))
	for i := range at {
		at[i] = float64(w.seen[i].Load()-t0.UnixNano()) / 1e6
	}
	f.first, f.p50, f.p99, f.last = quantile(at, 0), quantile(at, .5), quantile(at, .99), quantile(at, 1)
	return f, nil
}
