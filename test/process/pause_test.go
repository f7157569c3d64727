package process_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
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
	all, unknown := h.Counts()
	t.Logf("%d operations, the outcome of %d unknown", all, unknown)
	h.Verify(t)
	verify(t, p)
}

// Contenders take a lock in turns while leaders are paused and killed. At no
// time have two of them reason to believe that they hold it, and each holder
// has a higher fencing token than the one before.
func TestLockHasOneHolder(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	p := harness.NewProcesses(t, binary(), 3, `-hcl=session_ttl_min = "1s"`)
	var held atomic.Int32
	var turns turnLog
	clients := make([]*api.Client, 4)
	for i := range clients {
		clients[i] = p.AnyClient()
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	harness.During(func() {
		for range harness.Soak(3) {
			t.Log(disturb(p, rnd))
			before := turns.count()
			harness.Await(t, "the lock to change hands", func() error {
				if n := turns.count() - before; n < 2 {
					return fmt.Errorf("it did %d times", n)
				}
				return nil
			})
		}
		stop()
	}, len(clients), func(worker int, rnd *rand.Rand) {
		// No lock-delay: nothing but the lease itself keeps the holders apart.
		lock, err := clients[worker].Lock(ctx, "the/lock", &api.LockOptions{TTL: 2 * time.Second, LockDelay: -1})
		if err != nil {
			return
		}
		if n := held.Add(1); n != 1 {
			turns.fail(fmt.Errorf("%d hold the lock", n))
		}
		turns.enter(lock.Token().ModifyIndex)
		timer := time.NewTimer(time.Duration(rnd.IntN(150)) * time.Millisecond)
		select {
		case <-timer.C:
		case <-lock.Context().Done():
			timer.Stop()
		}
		held.Add(-1)
		_ = lock.Release(context.WithoutCancel(ctx))
	}, rnd)
	t.Logf("%d turns", turns.count())
	require.NoError(t, turns.wrong())
	verify(t, p)
}

// turnLog notes the fencing tokens of holders in the order of their turns.
type turnLog struct {
	mu     sync.Mutex
	turns  int
	newest uint64
	err    error
}

func (l *turnLog) enter(token uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if token <= l.newest {
		l.err = errors.Join(l.err, fmt.Errorf("turn %d has token %d, after %d", l.turns, token, l.newest))
	}
	l.turns++
	l.newest = token
}

func (l *turnLog) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = errors.Join(l.err, err)
}

func (l *turnLog) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.turns
}

func (l *turnLog) wrong() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
