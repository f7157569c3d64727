package raft

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A voter that lost its data must not help a server that lacks an acknowledged
// write to win: the write was on the wiped disk and on one that is down.
func TestWipedVoterLosesNoWrite(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	ids := []string{"a", "b", "c"}
	leader := c.leader().cfg.ID
	rest := c.others(ids, leader)
	behind, wiped := rest[0], rest[1]
	c.isolate(behind, true)
	c.apply(leader, "k=acknowledged")
	c.eventually(func() error {
		if c.get(wiped).fsm.get("k") == "" {
			return fmt.Errorf("%s has not got the write", wiped)
		}
		return nil
	})
	c.kill(leader)
	c.kill(wiped)
	require.NoError(t, os.RemoveAll(c.get(wiped).cfg.Dir))
	c.isolate(behind, false)
	c.mustStart(wiped, func(cfg *Config) {
		cfg.BootstrapExpect, cfg.RetryJoin = 0, []string{c.get(behind).addr}
	})
	c.eventually(func() error {
		if c.get(behind).KnownLeader() {
			return fmt.Errorf("%s has not noticed", behind)
		}
		return nil
	})
	require.Never(t, func() bool {
		return c.get(behind).KnownLeader() || c.get(wiped).KnownLeader()
	}, 2*time.Second, 20*time.Millisecond)

	c.mustStart(leader, nil)
	for _, id := range ids {
		c.ready(id)
		require.Equal(t, "acknowledged", c.read(id, "k"))
	}
	c.eventually(func() error {
		if note := c.get(wiped).guard.Note(); note.Abstain || note.Through == 0 {
			return fmt.Errorf("%+v", note)
		}
		return nil
	})
}

// A server that took over the address of a member is not taken for it.
func TestStrangerAtOldAddress(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	leader := c.leader()
	gone := c.get(c.followers()[0])
	c.kill(gone.cfg.ID)
	stranger := newCluster(t)
	s := stranger.mustStart("s", func(cfg *Config) {
		var err error
		c.eventually(func() error {
			cfg.Listener, err = tcpListen(gone.addr)
			return err
		})
		cfg.Datacenter = "elsewhere"
	})
	for i := range 20 {
		c.apply(leader.cfg.ID, fmt.Sprintf("k%d=v", i))
	}
	c.eventually(func() error {
		if leader.liveness.aliveNow(gone.cfg.ID) {
			return fmt.Errorf("%s counts as alive", gone.cfg.ID)
		}
		return nil
	})
	require.False(t, s.founded())
	require.Zero(t, s.raft.LastIndex())
}
