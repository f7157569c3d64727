package raft

import (
	"context"
	"errors"
	"fmt"

	hraft "github.com/hashicorp/raft"

	"github.com/registryd/registryd/pkg/api"
)

// maxCommand bounds one command. Above it the log store and the transport work
// in pieces too large to keep heartbeats punctual.
const maxCommand = 4 << 20

// callApply is the kind of a forwarded command: the request is the command, the
// answer the index (uint64) and the state machine's result.
const callApply = "raft.apply"

// Apply proposes a command, from whatever server: it is forwarded to the leader
// if need be. It returns the state machine's result and the index of the entry,
// when the entry is committed and applied on the leader.
//
// Errors: api.NoLeader means that nothing was changed; it comes only after the
// hold timeout. api.OutcomeUnknown means that the command may still be applied,
// or was; the caller must find out or repeat it only if that is harmless. A
// context that ends gives its error if nothing was proposed, else
// api.OutcomeUnknown with the context's error as its cause. Under the context of
// a Term or a Liveness nothing is forwarded, and api.Refused means that the term
// is over and nothing was changed.
func (n *Node) Apply(ctx context.Context, cmd []byte) (result []byte, index uint64, err error) {
	switch {
	case len(cmd) == 0:
		return nil, 0, api.E(api.Invalid, "empty command")
	case len(cmd) > maxCommand:
		return nil, 0, api.E(api.TooLarge, fmt.Sprintf("command of %d bytes, the limit is %d", len(cmd), maxCommand))
	}
	h := n.hold()
	for {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		result, index, err = n.applyOnce(ctx, cmd)
		if err == nil {
			return result, index, nil
		}
		if err := h.again(ctx, err); err != nil {
			return nil, 0, err
		}
	}
}

func (n *Node) applyOnce(ctx context.Context, cmd []byte) ([]byte, uint64, error) {
	if term, bound := boundTo(ctx); bound {
		return n.proposeIn(ctx, term, cmd)
	}
	if n.IsLeader() {
		return n.propose(ctx, cmd)
	}
	body, err := n.forward.Apply(ctx, cmd)
	if err != nil {
		return nil, 0, err
	}
	index, result, err := bodyUint64(body)
	return result, index, err
}

// answerApply serves a forwarded command. It does not wait for a leader: the
// server that forwards does, and knows better whom to ask next.
func (n *Node) answerApply(ctx context.Context, cmd []byte) ([]byte, error) {
	if len(cmd) == 0 {
		return nil, api.E(api.Invalid, "empty command")
	}
	result, index, err := n.propose(ctx, cmd)
	if err != nil {
		return nil, err
	}
	return append(uint64Body(index), result...), nil
}

// propose appends the command to this server's log if it leads.
func (n *Node) propose(ctx context.Context, cmd []byte) ([]byte, uint64, error) {
	p, err := n.append(ctx, seal(cmd))
	result, _ := p.result.([]byte)
	return result, p.index, err
}

// append proposes an entry and waits for its application.
func (n *Node) append(ctx context.Context, data []byte) (proposed, error) {
	done, err := n.begin(data)
	if err != nil {
		return proposed{}, err
	}
	return n.await(ctx, done)
}

// begin proposes an entry. It waits while the library's queue is full, for the
// hold timeout at most.
func (n *Node) begin(data []byte) (<-chan proposed, error) {
	return n.beginLog(hraft.Log{Data: data})
}

// beginLog is begin for an entry of which more than the data is given.
func (n *Node) beginLog(l hraft.Log) (<-chan proposed, error) {
	select {
	case <-n.proposals.closed:
		return nil, errClosed
	default:
	}
	done := make(chan proposed, 1)
	if !n.settle.add(n.raft.ApplyLog(l, n.cfg.HoldTimeout), done) {
		return nil, api.E(api.OutcomeUnknown, "server shut down while the write was in flight")
	}
	return done, nil
}

// await returns what became of a proposed entry.
func (n *Node) await(ctx context.Context, done <-chan proposed) (proposed, error) {
	select {
	case p := <-done:
		return p, n.proposalError(p.err)
	case <-ctx.Done():
		return proposed{}, api.Wrap(api.OutcomeUnknown, "gave up waiting for the write to commit", ctx.Err())
	case <-n.proposals.closed:
		return proposed{}, api.E(api.OutcomeUnknown, "server shut down while the write was in flight")
	}
}

// proposalError sorts the library's errors by whether the entry can have
// reached a log.
func (n *Node) proposalError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, hraft.ErrNotLeader), errors.Is(err, hraft.ErrLeadershipTransferInProgress),
		errors.Is(err, hraft.ErrEnqueueTimeout):
		return api.Wrap(api.NotLeader, "write refused", err)
	case errors.Is(err, hraft.ErrAbortedByRestore):
		return api.Wrap(api.Refused, "write dropped by a restore", err)
	}
	// Lost leadership, a log that could not be written, a shutdown: a majority
	// may have the entry, or may get it from this server's disk later.
	return api.Wrap(api.OutcomeUnknown, "write may or may not have happened", err)
}
