package raft

import (
	"errors"
	"testing"

	hraft "github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// What was decided in a term is written in that term or never.
func TestBoundToATerm(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	old := c.leader()
	term := <-old.Terms()
	_, index, err := old.Apply(term.Context, []byte("k=bound"))
	require.NoError(t, err)
	require.NotZero(t, index)
	var news Liveness
	c.eventually(func() error {
		select {
		case news = <-old.Liveness():
			return nil
		default:
			return errors.New("no news yet")
		}
	})
	bound, _ := boundTo(news.Context)
	require.Equal(t, term.Number, bound)

	require.NoError(t, old.TransferLeadership(t.Context(), ""))
	c.leader(c.others([]string{"a", "b", "c"}, old.cfg.ID)...)
	// As of a leader that has not noticed yet: its context has not ended.
	late := inTerm(t.Context(), term.Number)
	_, _, err = old.Apply(late, []byte("k=late"))
	require.ErrorIs(t, err, api.Refused)
	for id := range c.all() {
		require.Equal(t, "bound", c.read(id, "k"))
	}

	// It leads again when it wakes up between its last look and the proposal.
	require.NoError(t, old.TransferLeadership(t.Context(), old.cfg.ID))
	c.leader(old.cfg.ID)
	require.Greater(t, old.raft.CurrentTerm(), term.Number)
	done, err := old.beginLog(hraft.Log{Data: seal([]byte("k=late")), Extensions: bond(term.Number)})
	require.NoError(t, err)
	p, err := old.await(t.Context(), done)
	require.NoError(t, err)
	require.Equal(t, old.raft.CurrentTerm(), p.result, "an empty entry")
	for id := range c.all() {
		require.Equal(t, "bound", c.read(id, "k"))
	}
	now := inTerm(t.Context(), old.raft.CurrentTerm())
	_, index, err = old.Apply(now, []byte("k=now"))
	require.NoError(t, err)
	for id := range c.all() {
		require.Equal(t, "now", c.read(id, "k"))
		for _, i := range []uint64{p.index, index} {
			var l hraft.Log
			require.NoError(t, c.get(id).storage.logs.GetLog(i, &l))
			require.Empty(t, l.Extensions, "the bond is not written")
			require.Equal(t, i == p.index, isMark(&l))
		}
	}
}
