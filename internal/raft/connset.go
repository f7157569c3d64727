package raft

import (
	"net"
	"sync"
)

// connSet tracks open connections so that they can be cut together and their
// users waited for.
type connSet struct {
	mu    sync.Mutex
	cut   bool
	conns map[*trackedConn]struct{}
	wg    sync.WaitGroup
}

// Add tracks the connection until it is closed. After Cut it closes the
// connection and returns false.
func (s *connSet) Add(c net.Conn) (net.Conn, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut {
		c.Close()
		return nil, false
	}
	if s.conns == nil {
		s.conns = map[*trackedConn]struct{}{}
	}
	t := &trackedConn{Conn: c, set: s}
	s.conns[t] = struct{}{}
	s.wg.Add(1)
	return t, true
}

// Cut breaks all connections under their users and refuses further ones.
func (s *connSet) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut = true
	for c := range s.conns {
		c.Conn.Close()
	}
}

// Wait returns when the users have closed all connections.
func (s *connSet) Wait() { s.wg.Wait() }

type trackedConn struct {
	net.Conn
	set  *connSet
	once sync.Once
}

func (c *trackedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.set.mu.Lock()
		delete(c.set.conns, c)
		c.set.mu.Unlock()
		c.set.wg.Done()
	})
	return err
}
