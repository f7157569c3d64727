package raft

import (
	"testing"
	"time"

	hraft "github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// While the leader is heard, only a hand-over by the leader itself opens an
// election; after the guard anybody may ask, whatever the library believes.
func TestVoteGuard(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	leader := c.leader()
	names := c.followers()
	f, other := c.get(names[0]), c.get(names[1])
	term := f.raft.CurrentTerm()
	guard := f.guard
	ask := func(cmd any) (hraft.RPC, bool, *hraft.RPCResponse) {
		answers := make(chan hraft.RPCResponse, 1)
		rpc := hraft.RPC{Command: cmd, RespChan: answers}
		admitted := guard.admit(&rpc)
		select {
		case r := <-answers:
			return rpc, admitted, &r
		default:
			return rpc, admitted, nil
		}
	}
	vote := &hraft.RequestVoteRequest{RPCHeader: other.rpcHeader(), Term: term + 1}
	preVote := &hraft.RequestPreVoteRequest{RPCHeader: other.rpcHeader(), Term: term + 1}
	c.eventually(func() error { return f.ReadIndex(t.Context(), Consistent) })

	_, admitted, answer := ask(vote)
	require.False(t, admitted)
	require.False(t, answer.Response.(*hraft.RequestVoteResponse).Granted)
	_, admitted, answer = ask(preVote)
	require.False(t, admitted)
	require.False(t, answer.Response.(*hraft.RequestPreVoteResponse).Granted)

	_, admitted, _ = ask(&hraft.RequestVoteRequest{RPCHeader: other.rpcHeader(), Term: term + 1, LeadershipTransfer: true})
	require.True(t, admitted)
	_, admitted, answer = ask(&hraft.TimeoutNowRequest{RPCHeader: other.rpcHeader()})
	require.False(t, admitted)
	require.Error(t, answer.Error)
	_, admitted, _ = ask(&hraft.TimeoutNowRequest{RPCHeader: leader.rpcHeader()})
	require.True(t, admitted)

	// As if the leader had been silent for the time of the guard.
	guard = &voteGuard{node: &Node{cfg: f.Node.cfg, raft: f.raft, storage: f.storage, trans: f.trans, liveness: f.liveness}}
	rpc, admitted, _ := ask(vote)
	require.True(t, admitted)
	require.True(t, rpc.Command.(*hraft.RequestVoteRequest).LeadershipTransfer)
	require.False(t, vote.LeadershipTransfer, "the request itself is not touched")
	rpc, admitted, _ = ask(preVote)
	require.True(t, admitted)
	require.Equal(t, leader.addr, string(rpc.Command.(*hraft.RequestPreVoteRequest).Addr))

	require.NoError(t, guard.update(func(n *electorNote) { n.Through = term + 1 }))
	_, admitted, _ = ask(vote)
	require.False(t, admitted, "not in a term it may have voted in")
	require.NoError(t, guard.update(func(n *electorNote) { n.Through, n.Abstain = 0, true }))
	_, admitted, _ = ask(vote)
	require.False(t, admitted)
	require.False(t, guard.mayStand())
}

// readLease < guard <= heartbeat is what the lease rests on, at any multiplier.
func TestTiming(t *testing.T) {
	for _, m := range []float64{-1, 0, 0.5, 1, 5, 10} {
		tm := newTiming(m)
		require.Less(t, tm.readLease, tm.guard)
		require.Less(t, tm.guard, tm.heartbeat)
		require.LessOrEqual(t, tm.step, tm.guard)
		require.Less(t, tm.dead+200*time.Millisecond, 2*time.Second)
	}
}
