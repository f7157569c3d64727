package process_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// disturb pauses or kills a server, mostly the leader, for a while. A paused
// leader wakes up with a belief that may be seconds old.
func disturb(p *harness.Processes, rnd *rand.Rand) string {
	victim := p.WaitLeader()
	if rnd.IntN(4) == 0 {
		victim = rnd.IntN(p.Len())
	}
	pause := harness.Pause(rnd, 100*time.Millisecond, 1500*time.Millisecond)
	if rnd.IntN(3) == 0 {
		p.Server(victim).Kill()
		pause()
		p.Start(victim)
		return fmt.Sprintf("server %d was killed", victim)
	}
	p.Server(victim).Pause()
	pause()
	p.Server(victim).Resume()
	return fmt.Sprintf("server %d was paused", victim)
}

// Histories of keys and transactions stay linearizable, in both modes, when
// leaders are paused in the middle of whatever they are doing.
func TestPausedLeaderTellsNoLies(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	p := harness.NewProcesses(t, binary(), 3)
	h := harness.NewHistory()
	works := []*harness.KeyWork{harness.NewKeyWork(nil), harness.NewKeyWork(&api.QueryOptions{Consistency: api.ReadConsistent})}
	clients := make([]*api.Client, 2*p.Len())
	for i := range clients {
		clients[i] = p.Client(i % p.Len())
	}
	// Both kinds of readers work on the same keys; their values must differ.
	works[1].Begin(1 << 40)
	harness.During(func() {
		for range harness.Soak(3) {
			t.Log(disturb(p, rnd))
			harness.Pause(rnd, 50*time.Millisecond, 300*time.Millisecond)()
		}
		p.WaitHealthy()
	}, len(clients), func(worker int, rnd *rand.Rand) {
		_ = works[worker/p.Len()].Do(t.Context(), h, clients[worker], worker, rnd)
		harness.Pause(rnd, time.Millisecond, 10*time.Millisecond)()
	}, rnd)
	t.Log(h)
	h.Verify(t)
	verify(t, p)
}

// Servers that were paused take nobody else for failed when they go on, be it
// one of them or all, as when a machine sleeps.
func TestPausedServersCallNobodyFailed(t *testing.T) {
	t.Parallel()
	p := harness.NewProcesses(t, binary(), 3)
	marks := func() map[string]uint64 {
		checks, _, err := p.Client(0).Health().State(p.Context(), api.AnyState, &api.QueryOptions{Filter: `CheckID == "serfHealth"`})
		require.NoError(t, err)
		last := map[string]uint64{}
		for _, c := range checks {
			last[c.Node] = c.ModifyIndex
		}
		require.Len(t, last, p.Len())
		return last
	}
	// Longer than a server may be silent before it counts as failed.
	pause := func() { harness.Pause(harness.Random(t), 3*time.Second, 4*time.Second)() }
	sleep := func(servers ...int) {
		for _, s := range servers {
			p.Server(s).Pause()
		}
		pause()
		for _, s := range servers {
			p.Server(s).Resume()
		}
		p.WaitHealthy()
	}
	before := marks()
	sleep(0, 1, 2)
	require.Equal(t, before, marks(), "all were paused")

	leader := p.WaitLeader()
	sleep(leader)
	after := marks()
	for name, index := range before {
		if name != p.Server(leader).Name {
			require.Equal(t, index, after[name], "%s, while the leader was paused", name)
		}
	}
	verify(t, p)
}
