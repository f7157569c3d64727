package raft

import (
	"sync"

	hraft "github.com/hashicorp/raft"
)

// proposed is what became of an entry.
type proposed struct {
	result any
	index  uint64
	err    error
}

// settler waits for the library's futures on behalf of all proposers, one after
// the other: they are settled in the order in which they were proposed, and a
// goroutine for each would only be woken to wake another.
type settler struct {
	spawn func(func()) bool // starts a goroutine its owner waits for; false when closed

	mu      sync.Mutex
	queue   []unsettled
	running bool
}

type unsettled struct {
	future hraft.ApplyFuture
	done   chan<- proposed // has room for the answer: its reader may be gone
}

// add has the future waited for. It reports false, and nobody waits, when the
// server is closing.
func (s *settler) add(f hraft.ApplyFuture, done chan<- proposed) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.running {
		if !s.spawn(s.run) {
			return false
		}
		s.running = true
	}
	s.queue = append(s.queue, unsettled{f, done})
	return true
}

// run settles until nothing is left to wait for.
func (s *settler) run() {
	var batch []unsettled
	for {
		s.mu.Lock()
		batch, s.queue = s.queue, batch[:0]
		if len(batch) == 0 {
			s.running = false
			s.queue = nil
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		for _, u := range batch {
			p := proposed{err: u.future.Error()}
			if p.err == nil {
				p.result, p.index = u.future.Response(), u.future.Index()
			}
			u.done <- p
		}
		clear(batch) // let go of the futures
	}
}
