package raft

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// A server that was removed while nobody could reach it learns it from whoever
// leads when it returns, and stays away until it is told to join.
func TestRemovedOutOfReach(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	old, names := c.leader(), c.followers()
	victim, heir := c.get(names[0]), c.get(names[1])
	run := victim.joiner.presentRun()
	c.eventually(func() error {
		if a, _ := old.roster.get(victim.cfg.ID); a.Run != run {
			return errors.New("the leader has not met the victim yet")
		}
		return nil
	})
	c.isolate(victim.cfg.ID, true)
	require.NoError(t, old.RemoveServer(t.Context(), victim.cfg.ID))
	require.False(t, victim.joiner.rests())
	c.eventually(func() error {
		if !heir.removals.has(run) {
			return errors.New("the others were not told")
		}
		return nil
	})
	require.NoError(t, old.TransferLeadership(t.Context(), heir.cfg.ID))
	c.leader(heir.cfg.ID)

	c.isolate(victim.cfg.ID, false)
	c.eventually(func() error {
		if n := len(heir.configuration()); n != 2 {
			return fmt.Errorf("%d members", n)
		}
		if !victim.joiner.rests() {
			return errors.New("it does not rest")
		}
		return nil
	})
	require.Len(t, heir.configuration(), 2)

	_, err := victim.JoinCluster(t.Context(), []string{old.addr})
	require.NoError(t, err)
	c.members(3)
}

// A request to join that was under way when its server was removed is late.
func TestJoinUnderWayIsLate(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	leader, victim := c.leader(), c.get(c.followers()[0])
	require.NoError(t, leader.RemoveServer(t.Context(), victim.cfg.ID))
	require.True(t, victim.joiner.rests())
	victim.joiner.ask(t.Context(), endpoint(leader.cfg.ID, leader.addr))
	require.Len(t, leader.configuration(), 2)

	require.False(t, victim.joiner.removed("an earlier run"))
	victim.joiner.rest(false)
	require.False(t, victim.joiner.removed("an earlier run"))
	require.False(t, victim.joiner.rests(), "it was told to join since")

	// Started again, it wants to be a member.
	c.kill(victim.cfg.ID)
	c.mustStart(victim.cfg.ID, nil)
	c.members(3)
}

func TestRemovals(t *testing.T) {
	var r removals
	require.False(t, r.has(""))
	r.note("", "a", "a")
	require.Equal(t, []string{"a"}, r.all())
	require.True(t, r.has("a"))
	for i := range maxRemovals {
		r.note(strconv.Itoa(i))
	}
	require.Len(t, r.all(), maxRemovals)
	require.False(t, r.has("a"), "the oldest is forgotten")
}
