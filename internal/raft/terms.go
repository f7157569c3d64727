package raft

import (
	"context"
	"sync"
	"time"

	hraft "github.com/hashicorp/raft"
)

// A term begins when this server wins an election, and is announced when its
// mark is applied: an empty command, which proves that everything committed
// before is in the state. The mark also ends the log with an entry that every
// server's state machine adapter sees, so that waiting for an applied index
// never waits for one of the library's silent entries.

// Terms returns the channel of this server's terms of leadership. A value is
// sent when the state is current; its context ends with the leadership. A term
// that ends before it was received is not sent. There must be one receiver.
func (n *Node) Terms() <-chan Term { return n.terms }

// runTerms follows the library's news of leadership.
func (n *Node) runTerms() {
	stop := func() {}
	defer func() { stop() }()
	for {
		select {
		case leads := <-n.raft.LeaderCh():
			// Two true in a row are two terms: the false between them was
			// overtaken.
			stop()
			stop = func() {}
			n.leaders.Change()
			if leads {
				stop = n.beginTerm()
			} else {
				n.log.Info("leadership lost")
			}
		case <-n.ctx.Done():
			return
		}
	}
}

// beginTerm starts a term; the function it returns ends it and waits.
func (n *Node) beginTerm() (stop func()) {
	ctx, cancel := context.WithCancel(n.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.runTerm(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// runTerm lives as long as one term of leadership.
func (n *Node) runTerm(ctx context.Context) {
	defer n.ready.Store(0)
	number, ok := n.mark(ctx)
	if !ok {
		return
	}
	ctx = inTerm(ctx, number)
	n.sole.Refresh()
	n.liveness.begin(number, time.Now()) // what follows asks it who lives
	n.ready.Store(number)
	n.leaders.Change()
	n.log.Info("leadership gained", "term", number)
	var duties sync.WaitGroup
	defer duties.Wait()
	for _, duty := range n.duties {
		duties.Go(func() { duty(ctx, number) })
	}
	select {
	case n.terms <- Term{Context: ctx, Number: number}:
	case <-ctx.Done():
	}
	<-ctx.Done()
}

// mark appends the term's mark and returns the raft term it was applied in.
func (n *Node) mark(ctx context.Context) (uint64, bool) {
	for n.raft.State() == hraft.Leader {
		p, err := n.append(ctx, nil)
		if err == nil {
			term, ok := p.result.(uint64)
			return term, ok
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return 0, false
		}
	}
	return 0, false
}

// IsLeader reports whether this server believes to lead. It may not know yet
// that it was deposed.
func (n *Node) IsLeader() bool { return n.raft.State() == hraft.Leader }

// Leader returns address and ID of the leader as far as this server knows, ""
// if it knows none.
func (n *Node) Leader() (addr, id string) {
	if n.raft.State() == hraft.Candidate {
		// The library can keep the name of a leader that it gave up.
		return "", ""
	}
	a, i := n.raft.LeaderWithID()
	return string(a), string(i)
}

// KnownLeader reports whether this server knows a leader.
func (n *Node) KnownLeader() bool {
	_, id := n.Leader()
	return id != ""
}

// LastContact returns how long ago this server heard from the leader: so old
// its state may be. It is 0 on the leader, and a century if there never was
// contact since the start.
func (n *Node) LastContact() time.Duration {
	if n.IsLeader() {
		return 0
	}
	at := n.raft.LastContact()
	if at.IsZero() {
		return 100 * 365 * 24 * time.Hour
	}
	return time.Since(at)
}
