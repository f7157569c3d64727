package raft

import (
	"errors"
	"fmt"
	"testing"

	hraft "github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// caughtUp waits until the server would use a vote.
func (c *cluster) caughtUp(id string) {
	c.t.Helper()
	c.eventually(func() error {
		if c.get(id).guard.Note().Abstain {
			return errors.New("it abstains")
		}
		return nil
	})
}

// What autopilot promotes by a picture that is no longer true stays what it is.
func TestPromotionByAnOldPicture(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a")
	leader := c.leader()
	pilot := autopilotRaft{leader.raft, leader.Node, t.Context()}
	for _, id := range []string{"d", "gone"} {
		c.mustStart(id, func(cfg *Config) { cfg.NonVoter, cfg.RetryJoin = true, []string{leader.addr} })
		c.ready(id)
		c.caughtUp(id)
	}
	gone, d := c.get("gone"), c.get("d")
	old := hraft.ServerAddress("127.0.0.1:1")

	require.NoError(t, leader.RemoveServer(t.Context(), gone.cfg.ID))
	require.ErrorIs(t, pilot.AddVoter(hraft.ServerID(gone.cfg.ID), hraft.ServerAddress(gone.addr), 0, 0).Error(), api.NotFound)
	require.Len(t, leader.configuration(), 2)

	require.NoError(t, pilot.AddVoter(hraft.ServerID(leader.cfg.ID), old, 0, 0).Error())
	s, _ := leader.find(leader.cfg.ID)
	require.Equal(t, leader.addr, string(s.Address), "a voter stays where it is")

	require.ErrorIs(t, pilot.RemoveServer(hraft.ServerID(d.cfg.ID), 0, 0).Error(), api.Refused)
	require.ErrorIs(t, pilot.DemoteVoter(hraft.ServerID(d.cfg.ID), 0, 0).Error(), api.Refused)
	require.ErrorIs(t, pilot.AddNonvoter(hraft.ServerID(gone.cfg.ID), old, 0, 0).Error(), api.Refused)

	c.eventually(func() error { // two voters on a busy machine may lose their leader
		_ = pilot.AddVoter(hraft.ServerID(d.cfg.ID), old, 0, 0).Error()
		s, _ := d.find(d.cfg.ID)
		if s.Suffrage != hraft.Voter || string(s.Address) != d.addr {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// A server that would not use its vote yet does not get one: two voters of which
// one abstains could not elect a leader, whom that one needs to catch up.
func TestNoVoteForWhoAbstains(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a")
	leader := c.leader()
	fresh := c.mustStart("b", nil)
	fresh.joiner.rest(true) // so it does not catch up
	require.NoError(t, leader.raft.AddNonvoter(hraft.ServerID(fresh.cfg.ID), hraft.ServerAddress(fresh.addr), 0, 0).Error())
	require.True(t, fresh.guard.Note().Abstain)
	require.ErrorIs(t, leader.promote(t.Context(), fresh.cfg.ID), api.Refused)
	s, _ := leader.find(fresh.cfg.ID)
	require.Equal(t, hraft.Nonvoter, s.Suffrage)

	fresh.joiner.rest(false)
	c.caughtUp("b")
	require.NoError(t, leader.promote(t.Context(), fresh.cfg.ID))
	c.kill(fresh.cfg.ID)
	require.Error(t, leader.wouldVote(t.Context(), fresh.cfg.ID), "nobody answers")
}
