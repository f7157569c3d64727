package raft

import (
	"context"
	"sync"
)

// leaders tells who waits for a leader that something changed: another leader
// is known, or this one is ready to serve.
type leaders struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
}

func newLeaders() *leaders {
	l := &leaders{}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

// Changed returns a context that ends at the next change. Take it before
// looking at the leader, so that no change is missed.
func (l *leaders) Changed() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ctx
}

// Change wakes all who wait.
func (l *leaders) Change() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel()
	l.ctx, l.cancel = context.WithCancel(context.Background())
}

// Close releases the context that nobody will end any more.
func (l *leaders) Close() { l.mu.Lock(); defer l.mu.Unlock(); l.cancel() }
