package raft

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// lease knows up to when a majority has acknowledged this server as leader.
//
// It learns from every heartbeat that is answered: the follower accepted this
// term's leader at some moment after the heartbeat was sent, and will not vote
// for another for at least timing.guard after that moment (voteguard.go). So
// until readLease after the send time of the acknowledgements of a majority,
// nobody else can have committed anything. Heartbeats flow anyway, which makes
// the lease free of charge and always fresh.
//
// The send time counts, not the arrival of the answer: an answer can have been
// under way for long (a paused process, a healed partition) and says nothing
// about now.
type lease struct {
	self   string
	term   time.Duration           // how long an acknowledgement is trusted
	voters func() (ids []string)   // of the latest configuration
	valid  atomic.Pointer[granted] // nil when there is none

	mu      sync.Mutex
	current uint64               // raft term of the acknowledgements
	void    bool                 // no lease for the rest of this term
	sent    map[string]time.Time // by server: send time of the newest acknowledged heartbeat
	changed chan struct{}        // closed when sent changes, nil if nobody waits
}

type granted struct {
	term  uint64
	until time.Time
}

func newLease(self string, term time.Duration, voters func() []string) *lease {
	return &lease{self: self, term: term, voters: voters, sent: map[string]time.Time{}}
}

// Valid reports whether no other server can lead now, given that this one led
// in the raft term.
func (l *lease) Valid(term uint64) bool {
	g := l.valid.Load()
	return g != nil && g.term == term && time.Now().Before(g.until)
}

// Acknowledge notes that the server accepted this leader in the term, in answer
// to a message sent at the given time.
func (l *lease) Acknowledge(id string, term uint64, sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if term < l.current {
		return
	}
	if term > l.current {
		l.begin(term)
	}
	if !sent.After(l.sent[id]) {
		return
	}
	l.sent[id] = sent
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	if l.void {
		return
	}
	if at := l.majority(); !at.IsZero() {
		l.valid.Store(&granted{term: term, until: at.Add(l.term)})
	}
}

// Void ends the lease for the rest of the term: this server is about to hand
// its leadership over, after which servers vote without waiting.
func (l *lease) Void(term uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if term > l.current {
		l.begin(term)
	}
	l.void = true
	l.valid.Store(nil)
}

// Since reports whether a majority acknowledged messages of the term sent at t
// or later. When not, the channel is closed at the next acknowledgement.
func (l *lease) Since(term uint64, t time.Time) (bool, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since(term, t) {
		return true, nil
	}
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return false, l.changed
}

// Held reports what Since does, for who does not wait for it.
func (l *lease) Held(term uint64, t time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.since(term, t)
}

// since is called with mu held.
func (l *lease) since(term uint64, t time.Time) bool {
	if term > l.current {
		l.begin(term) // a server without other voters hears no acknowledgement
	}
	if l.current != term {
		return false
	}
	at := l.majority()
	return !at.IsZero() && !at.Before(t)
}

func (l *lease) begin(term uint64) {
	l.current, l.void = term, false
	l.valid.Store(nil)
	clear(l.sent)
}

// majority returns the latest time such that a majority of the voters, this
// server included, acknowledged something sent then or later; zero if none did.
func (l *lease) majority() time.Time {
	ids := l.voters()
	need := len(ids)/2 + 1
	times := make([]time.Time, 0, len(ids))
	for _, id := range ids {
		if id == l.self {
			need--
		} else if t, ok := l.sent[id]; ok {
			times = append(times, t)
		}
	}
	if need <= 0 {
		return time.Now()
	}
	if len(times) < need {
		return time.Time{}
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	return times[need-1]
}
