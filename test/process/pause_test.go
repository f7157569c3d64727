package process_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

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
