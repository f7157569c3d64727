package raft

import (
	"context"
	"sync"
	"time"
)

// liveness is the leader's view of which other servers live, from the
// heartbeats they answer.
//
// Silence counts only while this server could have heard something: while it was
// running, and while a majority acknowledged it. A leader that was paused has
// perhaps been deposed, and by the clock everybody was silent.
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
	// watched is from when on this leader has been watching, see watch; zero for
	// all of its term. acked is whether a majority has acknowledged the term.
	watched time.Time
	acked   bool
	stood   candidacy // of the former leader
	begun   beginning
}

// candidacy is when a server last asked for this one's vote.
type candidacy struct {
	id string
	at time.Time
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

// stands notes that a server asks for this one's vote. Of a former leader that is
// the sign of life which its followers get. Of others it is none: one that nobody
// can reach asks again and again.
func (l *liveness) stands(id string, at time.Time) {
	if former := l.node.followed.Load(); former == nil || *former != id {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stood = candidacy{id, at}
}

// judge returns whether a server gave a sign of life lately, and whether that is
// decided: a new leader must not take who it has not heard yet for dead, nor for
// alive; neither must one that was paused.
func (l *liveness) judge(id string) (alive, decided bool) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	alive = now.Sub(l.contact[id]) < l.node.timing.dead
	from := latest(l.watched, l.node.awake.Since(now))
	_, known := l.state[id]
	return alive, known && (l.contact[id].After(from) || now.Sub(from) >= l.node.timing.dead)
}

// aliveNow reports whether the server gave a sign of life lately.
func (l *liveness) aliveNow(id string) bool {
	alive, _ := l.judge(id)
	return alive
}

// silent reports whether the server has given no sign of life lately though this
// leader was watching.
func (l *liveness) silent(id string) bool {
	alive, decided := l.judge(id)
	return decided && !alive
}

// silentFor returns how long a server that counts as failed has given no sign of
// life while this leader was watching; 0 for one that does not.
func (l *liveness) silentFor(id string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if alive, known := l.state[id]; !known || alive {
		return 0
	}
	now := time.Now()
	return now.Sub(latest(l.since[id], l.watched, l.node.awake.Since(now)))
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

// run is a duty of the leader; the term has begun.
func (l *liveness) run(ctx context.Context, _ uint64) {
	for {
		wait := 100 * time.Millisecond
		if !l.look(time.Now()) {
			wait = time.Second // nobody to look at yet
		}
		next, ok := l.next()
		next.Context = ctx
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
// whom its predecessor listened to, but when that one last led it or asked for its
// vote.
type beginning struct {
	number  uint64 // raft term
	term    time.Time
	leader  string // ID of the predecessor, empty if unknown
	contact time.Time
}

// begin forgets what was told in an earlier term, before anybody asks who lives
// in this one.
func (l *liveness) begin(term uint64, now time.Time) {
	begun := beginning{number: term, term: now}
	l.mu.Lock()
	defer l.mu.Unlock()
	// Whom this server followed before it led itself is no predecessor later on.
	if id := l.node.followed.Swap(nil); id != nil {
		begun.leader, begun.contact = *id, l.node.raft.LastContact()
		if l.stood.id == *id {
			begun.contact = latest(begun.contact, l.stood.at)
		}
	}
	l.begun = begun
	clear(l.state)
	l.pending = nil
	l.watched, l.acked = time.Time{}, false
}

// of returns from when on the silence of a server counts.
func (b beginning) of(id string) time.Time {
	if id == b.leader && !b.contact.IsZero() && b.contact.Before(b.term) {
		return b.contact
	}
	return b.term
}

// ackWithin is how old the acknowledgement of a majority may be, as a part of
// timing.dead, for a leader that watches. Without one it steps down after
// timing.step, which is less, unless it is stalled.
const ackWithin = 2

// watch notes from when on the silence of others means something. It reports
// whether it does now. The caller holds mu.
func (l *liveness) watch(now time.Time) bool {
	held := l.node.lease.Held(l.begun.number, now.Add(-l.node.timing.dead/ackWithin))
	l.watched = latest(l.watched, l.node.awake.Since(now))
	switch {
	case held:
		l.acked = true
	case l.acked:
		l.watched = now
	}
	return held
}

// latest returns the latest of the times.
func latest(t time.Time, more ...time.Time) time.Time {
	for _, m := range more {
		if m.After(t) {
			t = m
		}
	}
	return t
}

// look compares the last signs of life with the clock, of which now was taken
// before anything else. It reports whether there are other servers.
func (l *liveness) look(now time.Time) bool {
	members := map[string]bool{}
	for _, s := range l.node.configuration() {
		members[string(s.ID)] = string(s.ID) != l.node.cfg.ID
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// Whoever lives answers the first heartbeats of the term, the former leader
	// as well, however long it has not led.
	watching := l.watch(now) && now.Sub(l.begun.term) >= l.node.timing.heartbeat/2
	for id, other := range members {
		if !other {
			continue
		}
		last := l.contact[id]
		alive, known := l.state[id]
		heard := last.After(l.begun.term)
		if !heard {
			last = latest(last, l.begun.of(id))
		}
		switch silent := now.Sub(latest(last, l.watched)); {
		case !known && heard:
			l.set(id, true, last)
		case watching && (!known || alive) && silent >= l.node.timing.dead:
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
