package raft

import (
	"context"
	"errors"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/registryd/registryd/pkg/api"
)

// callReadIndex is the kind of a follower's question for a read index: the
// request is the Consistency (one byte), the answer the index and the raft term
// of the leader (two uint64).
const callReadIndex = "raft.readindex"

// ReadIndex returns once this server's state is at least as new as every write
// that was acknowledged before the call, on whatever server. The caller then
// reads its own state.
//
// The order on the leader is that of the raft thesis, 6.4: the term's first
// entry is applied; note the commit index; then prove that no other leader can
// have committed more; then wait until the index is applied. Proving first and
// noting later would let a deposed leader note an index that is too old.
//
// Errors: api.NoLeader after the hold timeout, or the context's.
func (n *Node) ReadIndex(ctx context.Context, c Consistency) error {
	if index, ok := n.fastReadIndex(c); ok && n.applied.Reached(index) {
		return nil
	}
	if c != Default {
		c = Consistent
	}
	h := n.hold()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		index, err := n.readIndexOnce(ctx, c)
		if err == nil {
			return n.WaitApplied(ctx, index)
		}
		if errors.Is(err, api.OutcomeUnknown) || errors.Is(err, api.Timeout) {
			// A question may be asked twice.
			err = api.Wrap(api.NoLeader, "leader did not answer", err)
		}
		if err := h.again(ctx, err); err != nil {
			return err
		}
	}
}

// fastReadIndex is the way of a leader that needs no proof: a few atomic loads.
func (n *Node) fastReadIndex(c Consistency) (uint64, bool) {
	term := n.ready.Load()
	if term == 0 || n.raft.State() != hraft.Leader {
		return 0, false
	}
	index := n.raft.CommitIndex()
	if !n.sole.Alone() && (c != Default || !n.lease.Valid(term)) {
		return 0, false
	}
	// The state is looked at again: a leader deposed in between does not serve.
	return index, n.raft.CurrentTerm() == term && n.raft.State() == hraft.Leader
}

func (n *Node) readIndexOnce(ctx context.Context, c Consistency) (uint64, error) {
	if n.IsLeader() {
		return n.leaderReadIndex(ctx, c)
	}
	return n.asked[c].Do(ctx)
}

// leaderReadIndex returns an index that holds every write acknowledged before
// the call, or an error if this server cannot prove that it leads.
func (n *Node) leaderReadIndex(ctx context.Context, c Consistency) (uint64, error) {
	if index, ok := n.fastReadIndex(c); ok {
		return index, nil
	}
	term := n.ready.Load()
	if term == 0 || n.raft.CurrentTerm() != term || n.raft.State() != hraft.Leader {
		return 0, api.E(api.NotLeader, "server does not lead, or not yet")
	}
	index := n.raft.CommitIndex()
	proven, err := n.verify.Do(ctx)
	if err != nil {
		return 0, err
	}
	if proven != term {
		return 0, api.E(api.NotLeader, "another term began")
	}
	return index, nil
}

// askVerify proves that this server led at some moment after the call: a
// majority answered a heartbeat that was sent after it. It returns the term.
//
// The library's VerifyLeader would count answers to heartbeats sent earlier,
// which prove less; so a round of heartbeats is sent here, each the same as one
// of the library's own.
func (n *Node) askVerify() (uint64, error) {
	term, begin := n.ready.Load(), time.Now()
	if term == 0 {
		return 0, api.E(api.NotLeader, "server does not lead, or not yet")
	}
	n.beat(term)
	timeout := time.NewTimer(n.timing.rpc)
	defer timeout.Stop()
	for {
		ok, changed := n.lease.Since(term, begin)
		if ok {
			return term, nil
		}
		select {
		case <-changed:
		case <-timeout.C:
			return 0, api.E(api.NotLeader, "no majority confirmed that this server leads")
		case <-n.ctx.Done():
			return 0, errClosed
		}
	}
}

// beat sends one heartbeat to each other voter; the answers go to the lease.
func (n *Node) beat(term uint64) {
	for _, s := range n.raft.GetConfiguration().Configuration().Servers {
		if s.Suffrage != hraft.Voter || string(s.ID) == n.cfg.ID {
			continue
		}
		n.tasks.spawn(func() {
			req := &hraft.AppendEntriesRequest{
				//lint:ignore SA1019 followers of this version of the library still read Leader
				RPCHeader: n.rpcHeader(), Term: term, Leader: []byte(n.cfg.Advertise),
			}
			// An answer that does not come, or a refusal, is missing in the
			// lease; that is all there is to do about it.
			_ = n.trans.AppendEntries(s.ID, s.Address, req, &hraft.AppendEntriesResponse{})
		})
	}
}

// rpcHeader is what the library puts at the head of its requests.
func (n *Node) rpcHeader() hraft.RPCHeader {
	return hraft.RPCHeader{
		ProtocolVersion: hraft.ProtocolVersionMax,
		ID:              []byte(n.cfg.ID), Addr: []byte(n.cfg.Advertise),
	}
}

// askLeader asks the leader for a read index on behalf of all who wait.
func (n *Node) askLeader(c Consistency) func() (uint64, error) {
	return func() (uint64, error) {
		changed := n.leaders.Changed()
		ctx, cancel := context.WithTimeout(n.ctx, n.timing.rpc)
		defer cancel()
		defer context.AfterFunc(changed, cancel)() // a new leader is worth asking at once
		body, err := n.CallLeader(ctx, callReadIndex, []byte{byte(c)})
		if err != nil {
			if ctx.Err() != nil && n.ctx.Err() == nil {
				err = api.Wrap(api.NoLeader, "leader did not answer", err)
			}
			return 0, err
		}
		index, _, err := bodyUint64(body)
		return index, err
	}
}

func (n *Node) answerReadIndex(ctx context.Context, req []byte) ([]byte, error) {
	if len(req) != 1 {
		return nil, api.E(api.Invalid, "read index without consistency")
	}
	index, err := n.leaderReadIndex(ctx, Consistency(req[0]))
	if err != nil {
		return nil, err
	}
	return append(uint64Body(index), uint64Body(n.ready.Load())...), nil
}

// WaitApplied returns once this server's state holds the entry at the index; the
// error is that of ctx, or that the node was closed.
func (n *Node) WaitApplied(ctx context.Context, index uint64) error {
	if n.applied.Reached(index) {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(n.ctx, func() { cancel(errClosed) })()
	if n.applied.Wait(ctx, index) != nil {
		return context.Cause(ctx)
	}
	return nil
}
