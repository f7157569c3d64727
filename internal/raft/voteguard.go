package raft

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	hraft "github.com/hashicorp/raft"
)

// voteGuard decides about requests for this server's vote before the library
// sees them.
//
// The library denies its vote as long as it believes in a leader, and stops
// believing at a random moment half a second to a second and a half after the
// last sign of life. The guard replaces that by an exact rule, which the read
// lease (lease.go) relies on: no vote until timing.guard after the last contact
// with a leader, then at once. It makes an election succeed when the first
// follower gives up on the leader, not the last.
//
// A server that restarts does not remember when it heard from the leader and
// denies its vote for the same time. Only requests that follow a hand-over by
// the leader itself pass unseen: that leader has given up its lease.
//
// The library asks once more when it stores the vote (confirm), since the leader
// may have been heard in between.
//
// A server that lost its data must not vote at all until it has again what it
// once acknowledged, see electorNote.
type voteGuard struct {
	node    *Node
	started time.Time // zero: no past to be careful about

	handed atomic.Pointer[vote] // the latest vote asked for after a hand-over

	mu   sync.Mutex
	note electorNote
}

// electorNote is what a server must remember about its right to vote, kept in
// raft.db.
type electorNote struct {
	// Abstain is set while a server that started empty has not caught up with a
	// leader: the directory may have been that of a voter that acknowledged
	// entries, which an election with its vote could lose.
	Abstain bool `json:",omitempty"`
	// Through is the raft term in which it had caught up. It may have voted in
	// terms up to that before its data was lost, so it does not vote in them.
	Through uint64 `json:",omitempty"`
	// Promise is the new cluster this server agreed to found, see bootstrap.go.
	Promise *proposal `json:",omitempty"`
	// Refused are the IDs of proposals it will never agree to.
	Refused []string `json:",omitempty"`
	// Left is set by a graceful leave, until the server joins again.
	Left bool `json:",omitempty"`
}

// maxRefused bounds the proposals remembered as refused. That many are made
// only by a fleet of servers that start over and over without ever founding.
const maxRefused = 256

// refuse notes that the proposal will never be agreed to.
func (n *electorNote) refuse(id string) {
	if n.Promise != nil && n.Promise.ID == id {
		n.Promise = nil
	}
	n.Refused = append(n.Refused, id)
	if len(n.Refused) > maxRefused {
		n.Refused = n.Refused[1:]
	}
}

// load reads the note. A server without any past begins by abstaining.
func (g *voteGuard) load(fresh bool) error {
	ok, err := g.node.storage.stable.Load(keyElector, &g.note)
	if err != nil || ok || !fresh {
		return err
	}
	return g.update(func(n *electorNote) { n.Abstain = true })
}

// Note returns the present note.
func (g *voteGuard) Note() electorNote {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.note
}

// update changes the note; it is durable when update returns nil.
func (g *voteGuard) update(change func(*electorNote)) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	next := g.note
	next.Refused = slices.Clone(next.Refused)
	change(&next)
	if err := g.node.storage.stable.Put(keyElector, next); err != nil {
		return err
	}
	g.note = next
	return nil
}

// admit reports whether the library may see the request. If not it has been
// answered. The request may have been replaced by one that passes the library's
// own belief in a leader.
func (g *voteGuard) admit(rpc *hraft.RPC) bool {
	switch req := rpc.Command.(type) {
	case *hraft.RequestVoteRequest:
		g.node.liveness.stands(string(req.ID), time.Now())
		if !g.mayVote(req.Term) || (!req.LeadershipTransfer && g.trustsLeader()) {
			rpc.Respond(&hraft.RequestVoteResponse{RPCHeader: g.node.rpcHeader(), Term: g.node.raft.CurrentTerm()}, nil)
			return false
		}
		if req.LeadershipTransfer {
			g.handed.Store(&vote{Term: req.Term, Candidate: candidate(req)})
		}
		if g.node.raft.State() != hraft.Leader {
			passed := *req
			passed.LeadershipTransfer = true // skips only "we have a leader"
			rpc.Command = &passed
		}
	case *hraft.RequestPreVoteRequest:
		g.node.liveness.stands(string(req.ID), time.Now())
		if !g.mayVote(req.Term) || g.trustsLeader() {
			rpc.Respond(&hraft.RequestPreVoteResponse{RPCHeader: g.node.rpcHeader(), Term: g.node.raft.CurrentTerm()}, nil)
			return false
		}
		if leader := g.node.raft.Leader(); leader != "" && g.node.raft.State() != hraft.Leader {
			passed := *req
			passed.RPCHeader.Addr = []byte(leader) // skips only "we have a leader"
			rpc.Command = &passed
		}
	case *hraft.TimeoutNowRequest:
		// A hand-over that was long under way may come from a leader before the
		// last, and the present one has not given up its lease.
		if _, leader := g.node.raft.LeaderWithID(); string(req.ID) != string(leader) {
			rpc.Respond(nil, errors.New("leadership is not yours to hand over"))
			return false
		}
		g.node.trans.elected.Store(false)
	}
	return true
}

// candidate returns the address of who asks for the vote, as the library does.
func candidate(req *hraft.RequestVoteRequest) []byte {
	if len(req.RPCHeader.Addr) > 0 {
		return req.RPCHeader.Addr
	}
	//lint:ignore SA1019 servers of earlier versions of the library name no other
	return req.Candidate
}

// confirm is asked in the library's main goroutine when it has decided for a
// candidate and is about to store the vote. No heartbeat is answered meanwhile,
// see voteStore.
func (g *voteGuard) confirm(term uint64, candidate []byte) error {
	<-g.node.trans.opened // the library runs a moment before everything else does
	if bytes.Equal(candidate, g.node.ownPeer()) {
		// A leader that is heard makes a candidate a follower at once, unless
		// that leader has handed over to it.
		if g.node.raft.State() != hraft.Candidate {
			return errLeaderHeard
		}
		return nil
	}
	if h := g.handed.Load(); h != nil && h.Term == term && bytes.Equal(h.Candidate, candidate) {
		return nil
	}
	if g.trustsLeader() {
		return errLeaderHeard
	}
	return nil
}

// errLeaderHeard denies a vote that was as good as given.
var errLeaderHeard = errors.New("the leader was heard in the meantime")

// ownPeer is how the library names this server as a candidate.
func (n *Node) ownPeer() []byte {
	return n.trans.EncodePeer(hraft.ServerID(n.cfg.ID), n.trans.LocalAddr())
}

// mayVote reports whether this server may have a say in an election for the
// raft term.
func (g *voteGuard) mayVote(term uint64) bool {
	n := g.Note()
	return !n.Abstain && term > n.Through && g.node.founded()
}

// mayStand reports whether this server may be a candidate itself.
func (g *voteGuard) mayStand() bool { return !g.Note().Abstain }

// trustsLeader reports whether this server must still deny its vote. A leader
// leaves the decision to the library.
func (g *voteGuard) trustsLeader() bool {
	if g.node.raft.State() == hraft.Leader {
		return false
	}
	last := g.node.raft.LastContact()
	if g.started.After(last) {
		last = g.started
	}
	return time.Since(last) < g.node.timing.guard
}
