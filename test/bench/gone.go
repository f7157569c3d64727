package main

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// gone is one waiting reader that notes when instances appear and leave.
type gone struct {
	addr, path string
	marks      [][]byte
	mu         sync.Mutex
	present    []bool
	expected   []bool
	left       []time.Time
	err        error
	c          *conn
	nc         net.Conn
	over       atomic.Bool
	done       chan struct{}
}

func newGone(addr, service string, n int, mark func(i int) string) *gone {
	g := &gone{addr: addr, path: "/v1/health/service/" + service + "?passing" + watchWait,
		present: make([]bool, n), expected: make([]bool, n), left: make([]time.Time, n), done: make(chan struct{})}
	for i := 0; i < n; i++ {
		g.marks = append(g.marks, []byte(mark(i)))
	}
	return g
}

func (g *gone) start() error {
	g.c = newConn(g.addr, 64<<10)
	index, err := g.read(0)
	if err != nil {
		return err
	}
	g.nc = g.c.nc
	go func() {
		defer close(g.done)
		for !g.over.Load() {
			next, err := g.read(index)
			if err != nil {
				g.mu.Lock()
				g.err = err
				g.mu.Unlock()
				return
			}
			if next < index {
				next = 0
			}
			index = next
		}
	}()
	return nil
}

func (g *gone) read(index uint64) (uint64, error) {
	path := g.path
	if index > 0 {
		path += fmt.Sprintf("&index=%d", index)
	}
	st, body, err := g.c.do(get(path))
	now := time.Now()
	if err == nil && st != 200 {
		err = fmt.Errorf("waiting reader: status %d: %.100s", st, body)
	}
	if err != nil {
		return 0, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, m := range g.marks {
		in := bytes.Contains(body, m)
		if g.present[i] && !in {
			g.left[i] = now
			if !g.expected[i] {
				return 0, fmt.Errorf("instance %d left before anything was wrong with it", i)
			}
		}
		g.present[i] = in
	}
	return g.c.index, nil
}

func (g *gone) expect(i int) {
	g.mu.Lock()
	g.expected[i] = true
	g.mu.Unlock()
}

func (g *gone) waitPresent(i int, limit time.Duration) error {
	return waitFor(limit, time.Millisecond, func() error {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.err != nil {
			return g.err
		}
		if !g.present[i] {
			return fmt.Errorf("instance %d did not appear", i)
		}
		return nil
	})
}

func (g *gone) wait(limit time.Duration) ([]time.Time, error) {
	err := waitFor(limit, 5*time.Millisecond, func() error {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.err != nil {
			return nil
		}
		for i, t := range g.left {
			if t.IsZero() {
				return fmt.Errorf("instance %d did not leave", i)
			}
		}
		return nil
	})
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil {
		err = g.err
	}
	return append([]time.Time(nil), g.left...), err
}

func (g *gone) stop() {
	g.over.Store(true)
	if g.nc != nil {
		g.nc.Close()
	}
	<-g.done
}
