package raft

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestThreeServersReplicate(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	for i, id := range []string{"a", "b", "c"} {
		c.apply(id, fmt.Sprintf("k=%d", i))
		for _, other := range []string{"a", "b", "c"} {
			require.Equal(t, fmt.Sprint(i), c.read(other, "k"))
		}
	}
	leader := c.leader()
	for _, id := range []string{"a", "b", "c"} {
		servers, index, err := c.get(id).Servers(t.Context())
		require.NoError(t, err)
		require.Len(t, servers, 3)
		require.NotZero(t, index)
		for _, s := range servers {
			require.True(t, s.Voter)
			require.Equal(t, s.ID == leader.cfg.ID, s.Leader)
			require.Equal(t, c.get(s.ID).addr, s.Address)
		}
	}
	c.eventually(func() error {
		for _, s := range c.all() {
			servers, _, _ := s.Servers(t.Context())
			for _, i := range servers {
				if i.ID != c.id(i.Meta["name"]) || i.Name != "node-"+i.Meta["name"] {
					return fmt.Errorf("%s knows %+v", s.cfg.ID, i)
				}
			}
		}
		return nil
	})
}

// Every write that was acknowledged is there after any one server was killed,
// and after all were.
func TestAckedWriteSurvivesKill(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	ids := []string{"a", "b", "c"}
	var mu sync.Mutex
	acked := map[string]bool{}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				key := fmt.Sprintf("w%d-%d", w, i)
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				_, _, err := c.get(ids[(w+i)%3]).Apply(ctx, []byte(key+"=v"))
				cancel()
				if err == nil {
					mu.Lock()
					acked[key] = true
					mu.Unlock()
				}
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(acked)
	}
	for range 3 {
		before := count()
		victim := c.leader().cfg.ID
		c.kill(victim)
		c.eventually(func() error {
			if n := count(); n < before+20 {
				return fmt.Errorf("%d writes after the kill", n-before)
			}
			return nil
		})
		c.mustStart(victim, nil)
		c.ready(victim)
	}
	close(stop)
	wg.Wait()
	for _, id := range ids {
		c.kill(id)
	}
	for _, id := range ids {
		c.mustStart(id, nil)
	}
	for _, id := range ids {
		c.ready(id)
		for key := range acked {
			require.Equal(t, "v", c.get(id).fsm.get(key), key)
		}
	}
}

func TestMinorityRefuses(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	old := c.leader()
	id := old.cfg.ID
	c.apply(id, "k=old")
	c.isolate(id, true)
	var rest []string
	for other := range c.all() {
		if other != id {
			rest = append(rest, other)
		}
	}
	next := c.leader(rest...)
	c.apply(next.cfg.ID, "k=new")

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	for _, consistency := range []Consistency{Default, Consistent} {
		require.Error(t, old.ReadIndex(ctx, consistency))
	}
	_, _, err := old.Apply(ctx, []byte("k=lie"))
	require.Error(t, err)
	require.Equal(t, "old", old.fsm.get("k"))

	c.isolate(id, false)
	c.ready(id)
	require.Equal(t, "new", c.read(id, "k"))
}

func TestNoLeaderAfterHold(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.mustStart("a", func(cfg *Config) { cfg.HoldTimeout = 50 * time.Millisecond })
	_, _, err := s.Apply(t.Context(), []byte("k=v"))
	require.ErrorIs(t, err, api.NoLeader)
	require.ErrorIs(t, s.ReadIndex(t.Context(), Default), api.NoLeader)
	require.ErrorIs(t, s.RemoveServer(t.Context(), "nobody"), api.NoLeader)
	require.False(t, s.KnownLeader())
	require.Greater(t, s.LastContact(), time.Hour)
}

func TestTransferLeadership(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	old := c.leader().cfg.ID
	target := c.followers()[0]
	// Asked at a follower: forwarded.
	require.NoError(t, c.get(target).TransferLeadership(t.Context(), target))
	c.leader(target)
	c.apply(old, "k=v")
	require.ErrorIs(t, c.get(old).TransferLeadership(t.Context(), "nobody"), api.NotFound)
	require.NoError(t, c.get(old).TransferLeadership(t.Context(), ""))
	c.eventually(func() error {
		if c.leader().cfg.ID == target {
			return fmt.Errorf("%s still leads", target)
		}
		return nil
	})
}

func TestTerms(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	leader := c.leader()
	term := <-leader.Terms()
	require.NotZero(t, term.Number)
	followers := c.followers()
	c.kill(leader.cfg.ID)
	<-term.Context.Done()
	require.Greater(t, (<-c.leader(followers...).Terms()).Number, term.Number)
}

// Whoever leads tells of failures and returns, a new leader also of the old one.
func TestLiveness(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	await := func(id string, alive bool) {
		t.Helper()
		c.eventually(func() error {
			for {
				select {
				case l := <-c.leader().Liveness():
					if l.ID == id && l.Alive == alive {
						return nil
					}
				case <-time.After(50 * time.Millisecond):
					return fmt.Errorf("no news that %s is alive=%v", id, alive)
				}
			}
		})
	}
	victim := c.followers()[0]
	await(victim, true)
	c.kill(victim)
	await(victim, false)
	c.mustStart(victim, nil)
	await(victim, true)

	old := c.leader().cfg.ID
	c.kill(old)
	await(old, false)
}
