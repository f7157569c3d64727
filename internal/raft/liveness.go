package raft

import (
	"context"
	"sync"
	"time"
)

// liveness is the leader's view of which other servers live, from the
// heartbeats they answer.
//
// The news is level-triggered: what the receiver has not yet taken is replaced
// by what is true now, and each term begins by telling the state of everyone.
type liveness struct {
	node *Node
	out  chan Liveness

	mu      sync.Mutex
	contact map[string]time.Time // last sign of life
	state   map[string]bool      // told or to be told this term: alive?
	since   map[string]time.Time
	pending []string // IDs to be told, each once
	wake    chan struct{}
}

func newLiveness(n *Node) *liveness {
	return &liveness{
		node: n, out: make(chan Liveness), wake: make(chan struct{}, 1),
		contact: map[string]time.Time{}, state: map[string]bool{}, since: map[string]time.Time{},
	}
}

// Liveness returns the channel of news about other servers. It speaks only
// while this server leads: at the start of a term the state of every server, as
// soon as it is known, then each change. A failure is told within two seconds of
// the last sign of life, a return with the first one. There must be one
// receiver.
func (n *Node) Liveness() <-chan Liveness { return n.liveness.out }

// heard notes a sign of life.
func (l *liveness) heard(id string, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.After(l.contact[id]) {
		l.contact[id] = at
	}
	if alive, known := l.state[id]; known && !alive {
		l.set(id, true, time.Now())
	}
}

// aliveNow reports whether the server gave a sign of life lately.
func (l *liveness) aliveNow(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.contact[id]) < l.node.timing.dead
}

// decided reports whether this term's state of the server is known. A new
// leader must not take who it has not heard yet for dead, nor for alive.
func (l *liveness) decided(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, known := l.state[id]
	return known
}

// silentFor returns how long ago a server that counts as failed gave its last
// sign of life, or this term began; 0 for one that does not.
func (l *liveness) silentFor(id string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if alive, known := l.state[id]; !known || alive {
		return 0
	}
	return time.Since(l.since[id])
}

// set changes the state and queues the news. The caller holds mu.
func (l *liveness) set(id string, alive bool, since time.Time) {
	l.state[id], l.since[id] = alive, since
	for _, p := range l.pending {
		if p == id {
			return
		}
	}
	l.pending = append(l.pending, id)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run is a duty of the leader.
func (l *liveness) run(ctx context.Context, _ uint64) {
	begun := beginning{term: time.Now()}
	if id := l.node.followed.Load(); id != nil {
		begun.leader, begun.contact = *id, l.node.raft.LastContact()
	}
	l.mu.Lock()
	clear(l.state)
	l.pending = nil
	l.mu.Unlock()
	for {
		wait := 100 * time.Millisecond
		if !l.look(begun) {
			wait = time.Second // nobody to look at yet
		}
		next, ok := l.next()
		out := l.out
		if !ok {
			out = nil
		}
		select {
		case out <- next:
			l.told(next)
		case <-l.wake:
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// beginning is what a leader knows when its term begins: nothing of the others,
// whom its predecessor listened to, but when it heard that one last itself.
type beginning struct {
	term    time.Time
	leader  string // ID of the predecessor, empty if unknown
	contact time.Time
}

// of returns from when on the silence of a server counts.
func (b beginning) of(id string) time.Time {
	if id == b.leader && !b.contact.IsZero() && b.contact.Before(b.term) {
		return b.contact
	}
	return b.term
}

// look compares the last signs of life with the clock. It reports whether there
// are other servers.
func (l *liveness) look(begun beginning) bool {
	members := map[string]bool{}
	for _, s := range l.node.configuration() {
		members[string(s.ID)] = string(s.ID) != l.node.cfg.ID
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, other := range members {
		if !other {
			continue
		}
		last := l.contact[id]
		alive, known := l.state[id]
		heard := last.After(begun.term)
		if !heard {
			last = begun.of(id)
		}
		switch silent := time.Since(last); {
		case !known && heard:
			l.set(id, true, last)
		case (!known || alive) && silent >= l.node.timing.dead:
			l.set(id, false, last)
		}
	}
	for id := range l.state {
		if !members[id] {
			delete(l.state, id)
			delete(l.contact, id)
			delete(l.since, id)
		}
	}
	return len(members) > 1
}

// next returns the news to tell first.
func (l *liveness) next() (Liveness, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.pending) > 0 {
		id := l.pending[0]
		if alive, ok := l.state[id]; ok {
			return Liveness{ID: id, Alive: alive, Since: l.since[id]}, true
		}
		l.pending = l.pending[1:] // removed meanwhile
	}
	return Liveness{}, false
}

// told takes the news off the queue, unless it changed while it was told.
func (l *liveness) told(t Liveness) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if alive, ok := l.state[t.ID]; ok && alive != t.Alive {
		return
	}
	if len(l.pending) > 0 && l.pending[0] == t.ID {
		l.pending = l.pending[1:]
	}
}
