package raft

import (
	"context"
	"sync"
)

// coalescer lets any number of callers share one run of a costly question. The
// run that answers a call always began after the call: who arrives while one is
// under way waits for the next.
type coalescer struct {
	ask   func() (uint64, error)
	spawn func(func()) bool // starts a goroutine its owner waits for; false when closed

	mu      sync.Mutex
	running bool
	next    *round
}

type round struct {
	done  chan struct{}
	value uint64
	err   error
}

// Do returns the answer of a run that began after Do was called.
func (c *coalescer) Do(ctx context.Context) (uint64, error) {
	c.mu.Lock()
	if c.next == nil {
		c.next = &round{done: make(chan struct{})}
	}
	r := c.next
	if !c.running {
		if !c.spawn(c.run) {
			c.mu.Unlock()
			return 0, errClosed
		}
		c.running = true
	}
	c.mu.Unlock()

	select {
	case <-r.done:
		return r.value, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run answers rounds until nobody waits for one.
func (c *coalescer) run() {
	for {
		c.mu.Lock()
		r := c.next
		c.next = nil
		if r == nil {
			c.running = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		r.value, r.err = c.ask()
		close(r.done)
	}
}
