package raft

import (
	"context"
	"sync"
	"time"

	hraft "github.com/hashicorp/raft"
)

// commitPush tells followers at once how far the log is committed.
//
// The library does so only with the next entries, or after its commit timeout;
// a watcher on a follower would learn of a change 50 to 100 ms late. So when a
// batch ending in entry (N, T) is committed in this leader's own term T, each
// follower is sent an AppendEntries request without entries:
//
//	term T, previous entry N of term T, leader's commit index N
//
// It is one the library could have sent itself, and it is safe by the rules of
// raft whatever becomes of it: N is committed, so the statement is true for
// ever; a follower takes it only if its log holds (N, T), which means that its
// log agrees with the leader's up to N; a follower in a later term refuses it;
// and the answer changes nothing here. A follower that does not hold N yet
// refuses it too, and is asked again a moment later.
type commitPush struct {
	node *Node

	mu      sync.Mutex
	index   uint64
	term    uint64
	changed chan struct{} // closed when index moves
	told    map[string]uint64
}

func newCommitPush(n *Node) *commitPush {
	return &commitPush{node: n, changed: make(chan struct{}), told: map[string]uint64{}}
}

// Committed notes that the entry is committed.
func (p *commitPush) Committed(index, term uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if index <= p.index {
		return
	}
	p.index, p.term = index, term
	close(p.changed)
	p.changed = make(chan struct{})
}

// Told notes that a follower was sent a commit index by the library.
func (p *commitPush) Told(id string, commit uint64) {
	if commit == 0 {
		return // a heartbeat
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if commit > p.told[id] {
		p.told[id] = commit
	}
}

// next returns what the follower has not been told, if anything, and a channel
// that is closed at the next commit.
func (p *commitPush) next(id string) (index, term uint64, ok bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.index, p.term, p.index > p.told[id], p.changed
}

// settle is how long a push waits for the library to carry the news with the
// next entries, as it does under load.
const settle = time.Millisecond

// run is a duty of the leader: one pusher for each follower.
func (p *commitPush) run(ctx context.Context, term uint64) {
	p.mu.Lock()
	clear(p.told)
	p.mu.Unlock()
	var wg sync.WaitGroup
	defer wg.Wait()
	pushers := map[hraft.Server]context.CancelFunc{}
	for {
		present := map[hraft.Server]bool{}
		for _, s := range p.node.raft.GetConfiguration().Configuration().Servers {
			present[s] = true
			if pushers[s] != nil || string(s.ID) == p.node.cfg.ID {
				continue
			}
			pushCtx, cancel := context.WithCancel(ctx)
			pushers[s] = cancel
			wg.Go(func() { p.push(pushCtx, term, s) })
		}
		for s, cancel := range pushers {
			if !present[s] {
				cancel()
				delete(pushers, s)
			}
		}
		select {
		case <-ctx.Done():
			for _, cancel := range pushers {
				cancel()
			}
			return
		case <-time.After(time.Second): // membership seldom changes
		}
	}
}

// push serves one follower: always the newest commit only, one at a time.
func (p *commitPush) push(ctx context.Context, term uint64, s hraft.Server) {
	for {
		_, _, due, changed := p.next(string(s.ID))
		if !due {
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
		// Asked again, at growing distance, while the follower lacks the entry;
		// then the library's own timeout is as good.
		var tried uint64
		for wait := settle; wait <= 32*settle; wait *= 2 {
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
			index, at, due, _ := p.next(string(s.ID))
			if !due {
				break
			}
			tried = index
			if at != term || p.send(s, index, term) {
				break
			}
		}
		p.Told(string(s.ID), tried)
	}
}

func (p *commitPush) send(s hraft.Server, index, term uint64) bool {
	req := &hraft.AppendEntriesRequest{
		//lint:ignore SA1019 followers of this version of the library still read Leader
		RPCHeader: p.node.rpcHeader(), Term: term, Leader: []byte(p.node.cfg.Advertise),
		PrevLogEntry: index, PrevLogTerm: term, LeaderCommitIndex: index,
	}
	var resp hraft.AppendEntriesResponse
	trans := p.node.trans
	err := trans.NetworkTransport.AppendEntries(s.ID, trans.to(s.ID, s.Address), req, &resp)
	if err != nil {
		return true // the library reports what is wrong with the peer
	}
	if resp.Success {
		p.Told(string(s.ID), index)
	}
	return resp.Success
}
