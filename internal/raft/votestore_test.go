package raft

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	hraft "github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"github.com/stretchr/testify/require"
)

// A vote is stored as a whole, and what an earlier version wrote is read.
func TestVoteStore(t *testing.T) {
	bolt, err := raftboltdb.NewBoltStore(filepath.Join(t.TempDir(), "raft.db"))
	require.NoError(t, err)
	defer bolt.Close()
	s := &stable{bolt}
	var refusal error
	open := func() *voteStore {
		v, err := openVoteStore(s, hraft.NewInmemStore())
		require.NoError(t, err)
		v.confirm = func(uint64, []byte) error { return refusal }
		return v
	}
	last := func(v *voteStore) (uint64, string) {
		term, err := v.GetUint64([]byte(keyVoteTerm))
		require.NoError(t, err)
		candidate, err := v.Get([]byte(keyVoteCand))
		require.NoError(t, err)
		return term, string(candidate)
	}
	give := func(v *voteStore, term uint64, candidate string) error {
		require.NoError(t, v.SetUint64([]byte(keyVoteTerm), term))
		return v.Set([]byte(keyVoteCand), []byte(candidate))
	}
	is := func(v *voteStore, term uint64, candidate string) {
		t.Helper()
		gotTerm, gotCandidate := last(v)
		require.Equal(t, term, gotTerm)
		require.Equal(t, candidate, gotCandidate)
	}

	v := open()
	_, err = v.GetUint64([]byte(keyVoteTerm))
	require.EqualError(t, err, "not found", "the library compares the text")
	_, err = v.Get([]byte(keyVoteCand))
	require.EqualError(t, err, "not found")

	require.NoError(t, s.SetUint64([]byte(keyVoteTerm), 3))
	require.NoError(t, s.Set([]byte(keyVoteCand), []byte("old")))
	is(open(), 3, "old")

	v = open()
	require.NoError(t, v.SetUint64([]byte(keyVoteTerm), 4))
	is(v, 3, "old")
	is(open(), 3, "old") // killed before the candidate was stored
	require.NoError(t, give(v, 4, "new"))
	is(v, 4, "new")
	is(open(), 4, "new")

	refusal = errors.New("no")
	require.Error(t, give(v, 5, "denied"))
	is(v, 4, "new")
	is(open(), 4, "new")

	// An earlier version ran in between.
	require.NoError(t, s.SetUint64([]byte(keyVoteTerm), 6))
	require.NoError(t, s.Set([]byte(keyVoteCand), []byte("older")))
	is(open(), 6, "older")

	require.NoError(t, v.SetUint64([]byte("n"), 7))
	require.NoError(t, v.Set([]byte("k"), []byte("v")))
	n, err := v.GetUint64([]byte("n"))
	require.NoError(t, err)
	require.EqualValues(t, 7, n)
	value, err := v.Get([]byte("k"))
	require.NoError(t, err)
	require.Equal(t, "v", string(value))
}

// The leader is heard after the guard has let a request through: the vote is not
// given. It is given to whom the leader handed over, and once it is silent.
func TestVoteIsConfirmed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	names := c.followers()
	f, other := c.get(names[0]), c.get(names[1])
	ask := func(ahead uint64) *hraft.RequestVoteResponse {
		answers := make(chan hraft.RPCResponse, 1)
		req := &hraft.RequestVoteRequest{
			RPCHeader: other.rpcHeader(), Term: f.raft.CurrentTerm() + ahead,
			LastLogIndex: 1 << 40, LastLogTerm: 1 << 40, LeadershipTransfer: true, // as the guard passes it on
		}
		f.trans.incoming <- hraft.RPC{Command: req, RespChan: answers}
		return (<-answers).Response.(*hraft.RequestVoteResponse)
	}
	c.eventually(func() error {
		heard, before := f.raft.LastContact(), f.votes.newest()
		answer := ask(1)
		if time.Since(heard) >= f.timing.guard {
			return errors.New("the leader was not heard lately")
		}
		require.False(t, answer.Granted)
		require.Equal(t, before, f.votes.newest())
		return nil
	})

	g := f.guard
	require.ErrorIs(t, g.confirm(100, f.ownPeer()), errLeaderHeard, "a follower again")
	g.handed.Store(&vote{Term: 100, Candidate: []byte("heir")})
	require.NoError(t, g.confirm(100, []byte("heir")))

	c.isolate(f.cfg.ID, true)
	c.eventually(func() error {
		if g.trustsLeader() {
			return errors.New("heard not long ago")
		}
		return nil
	})
	require.NoError(t, g.confirm(100, []byte("heir of nobody")))
	c.eventually(func() error {
		if !ask(1000).Granted {
			return errors.New("not granted")
		}
		return nil
	})
	c.isolate(f.cfg.ID, false)
}

// A heartbeat is answered before a vote or after it.
func TestHeartbeatsKeepOutOfVotes(t *testing.T) {
	bolt, err := raftboltdb.NewBoltStore(filepath.Join(t.TempDir(), "raft.db"))
	require.NoError(t, err)
	defer bolt.Close()
	v, err := openVoteStore(&stable{bolt}, hraft.NewInmemStore())
	require.NoError(t, err)
	count := 0
	alone := func() {
		count++
		require.False(t, v.storing.TryLock())
	}
	v.confirm = func(uint64, []byte) error { alone(); return nil }
	require.NoError(t, v.Set([]byte(keyVoteCand), nil))
	v.heartbeats(func(hraft.RPC) { alone() })(hraft.RPC{})
	require.Equal(t, 2, count)
}
