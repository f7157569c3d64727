package raft

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	hraft "github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// pendingChange is a request of the library's that is carried out when told.
type pendingChange chan error

func (p pendingChange) Error() error { return <-p }

// A change of membership that nobody waits for any more is still in flight: the
// server does not read alone, and there is no other change beside it.
func TestChangeGoesOnWithoutItsCaller(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a")
	n := c.leader().Node
	c.eventually(func() error {
		if !n.sole.Alone() {
			return errors.New("not alone yet")
		}
		return nil
	})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	request := make(pendingChange)
	require.NoError(t, n.turn.Take(t.Context()))
	err := n.change(gone, func() hraft.Future { return request })
	n.turn.Give()
	require.ErrorIs(t, err, api.OutcomeUnknown)
	require.False(t, n.sole.Alone())
	n.sole.Refresh()
	require.False(t, n.sole.Alone(), "not by anything else that happens")
	require.ErrorIs(t, n.RemoveServer(gone, "nobody"), context.Canceled)
	require.Error(t, n.turn.Take(gone))
	c.apply("a", "k=v")
	require.Equal(t, "v", c.read("a", "k"), "it proves that it leads instead")

	request <- nil
	require.NoError(t, n.turn.Take(t.Context()))
	n.turn.Give()
	require.True(t, n.sole.Alone())
}

// A server with changes in flight waits for the last.
func TestSole(t *testing.T) {
	voters := []string{"a"}
	s := &sole{self: "a", voters: func() []string { return voters }}
	require.False(t, s.Alone())
	s.Refresh()
	require.True(t, s.Alone())
	s.Begin()
	s.Begin()
	require.False(t, s.Alone())
	s.End()
	require.False(t, s.Alone())
	s.Refresh()
	require.False(t, s.Alone())
	s.End()
	require.True(t, s.Alone())
	s.Begin()
	voters = []string{"a", "b"}
	s.End()
	require.False(t, s.Alone())
	voters = []string{"b"}
	s.Refresh()
	require.False(t, s.Alone())
}

// The turn ends with the last give, and nobody waits for it for ever.
func TestTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan struct{})
		turn := newTurn(closed)
		require.NoError(t, turn.Take(t.Context()))
		turn.Keep()
		turn.Give()
		next := make(chan error)
		go func() { next <- turn.Take(t.Context()) }()
		synctest.Wait()
		select {
		case <-next:
			t.Fatal("two have the turn")
		default:
		}
		turn.Give()
		require.NoError(t, <-next)
		go func() { next <- turn.Take(t.Context()) }()
		synctest.Wait()
		close(closed)
		require.ErrorIs(t, <-next, errClosed)
	})
}
