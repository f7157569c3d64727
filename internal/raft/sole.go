package raft

import (
	"sync"
	"sync/atomic"
)

// sole knows whether this leader is the only voter. Then it needs nobody to
// prove that it leads, and serves reads alone.
//
// It never is while a change of membership is in flight, whoever still waits
// for that change: from some moment on there may be a second voter, and what the
// two commit without this server it would not know of. So it is looked at anew
// only when the last change has really ended.
type sole struct {
	self   string
	voters func() []string // IDs, of the latest configuration

	alone atomic.Bool

	mu       sync.Mutex
	changing int // changes in flight
}

// Alone reports whether this server is the only voter, given that it leads.
func (s *sole) Alone() bool { return s.alone.Load() }

// Begin is called before the library may see a change.
func (s *sole) Begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changing++
	s.alone.Store(false)
}

// End is called when the change was carried out or can no longer be.
func (s *sole) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changing--
	s.look()
}

// Refresh looks at the configuration that a term begins with.
func (s *sole) Refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look()
}

// look is called with mu held.
func (s *sole) look() {
	if s.changing > 0 {
		return
	}
	ids := s.voters()
	s.alone.Store(len(ids) == 1 && ids[0] == s.self)
}
