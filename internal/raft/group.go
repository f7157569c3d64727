package raft

import "sync"

// group starts goroutines and waits for them. After close it starts none.
type group struct {
	mu     sync.Mutex
	ended  bool
	wg     sync.WaitGroup
	closed chan struct{}
}

func newGroup() *group { return &group{closed: make(chan struct{})} }

// spawn runs f in a goroutine, or returns false when the group is closed.
func (g *group) spawn(f func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ended {
		return false
	}
	g.wg.Go(f)
	return true
}

// close refuses further goroutines and tells those that look at closed.
func (g *group) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		g.ended = true
		close(g.closed)
	}
}

// wait returns when the goroutines have ended.
func (g *group) wait() { g.wg.Wait() }
