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

// Holders that heed nothing, and contenders whose every step is recorded, while
// leaders are paused in the middle of whatever they are doing.
func TestPausedLeaderKeepsHoldersApart(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	p := harness.NewProcesses(t, binary(), 3, `-hcl=session_ttl_min = "1s"`)
	const each = 3
	fence, h := harness.NewFence("the/lock", each, time.Second), harness.NewLockHistory()
	w, err := harness.NewLockWork(p.Context(), p.Client(0), each, nil)
	require.NoError(t, err)
	clients := make([]*api.Client, 2*each)
	for i := range clients {
		clients[i] = p.Client(i % p.Len())
	}
	harness.During(func() {
		for range harness.Soak(3) {
			t.Log(disturb(p, rnd))
			before, _ := fence.Counts()
			harness.Await(t, "writes of holders", func() error {
				if n, _ := fence.Counts(); n < before+20 {
					return fmt.Errorf("%d came through", n-before)
				}
				return nil
			})
		}
		p.WaitHealthy()
	}, len(clients), func(worker int, rnd *rand.Rand) {
		if worker < each {
			_ = fence.Do(t.Context(), clients[worker], worker, rnd)
		} else {
			_ = w.Do(t.Context(), h, clients[worker], worker-each, rnd)
		}
		harness.Pause(rnd, time.Millisecond, 10*time.Millisecond)()
	}, rnd)
	t.Log(fence, h)
	fence.Verify(t)
	h.Verify(t)
	verify(t, p)
}

// leased is something that a limited number of processes hold at a time, by the
// client's own means. It holds it once, and calls work meanwhile.
type leased struct {
	name  string
	limit int32
	hold  func(ctx context.Context, c *api.Client, work func(context.Context, api.FencingToken)) error
}

// leases are all there are. There is no lock-delay: nothing but the lease
// itself keeps the holders apart.
func leases() []leased {
	o := &api.LockOptions{TTL: time.Second, Margin: time.Second / 2, LockDelay: -1}
	return []leased{
		{"lock", 1, func(ctx context.Context, c *api.Client, work func(context.Context, api.FencingToken)) error {
			l, err := c.Lock(ctx, "the/lock", o)
			if err != nil {
				return err
			}
			work(l.Context(), l.Token())
			return l.Release(context.WithoutCancel(ctx))
		}},
		{"semaphore", 2, func(ctx context.Context, c *api.Client, work func(context.Context, api.FencingToken)) error {
			s, err := c.Semaphore(ctx, "the/semaphore", 2, o)
			if err != nil {
				return err
			}
			work(s.Context(), s.Token())
			return s.Release(context.WithoutCancel(ctx))
		}},
		{"election", 1, func(ctx context.Context, c *api.Client, work func(context.Context, api.FencingToken)) error {
			return c.Election("the/election", o).Run(ctx, func(ctx context.Context, token api.FencingToken) error {
				work(ctx, token)
				return nil // resigns
			})
		}},
	}
}

// Contenders take a lock, slots of a semaphore and the lead in turns while
// servers are paused and killed. Each knows one server only: when that is
// paused for longer than a lease lasts, the others give away what its clients
// hold. At no time have more of them than may reason to believe that they hold
// it, and each has a higher fencing token than those before.
func TestLeasesHaveTheirLimit(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	p := harness.NewProcesses(t, binary(), 3, `-hcl=session_ttl_min = "1s"`)
	kinds := leases()
	turns := make([]turnLog, len(kinds))
	clients := make([]*api.Client, 4*len(kinds))
	serverOf := func(worker int) int { return worker / len(kinds) % p.Len() }
	for i := range clients {
		clients[i] = p.Client(serverOf(i))
	}
	changeHands := func() {
		for i, kind := range kinds {
			before := turns[i].count()
			harness.Await(t, "the "+kind.name+" to change hands", func() error {
				if n := turns[i].count() - before; n < 2 {
					return fmt.Errorf("it did %d times", n)
				}
				return nil
			})
		}
	}
	var paused atomic.Int32 // the server that is
	paused.Store(-1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	harness.During(func() {
		defer stop()
		changeHands()
		for round := range harness.Soak(3) {
			if round%2 == 0 {
				victim := rnd.IntN(p.Len())
				p.Server(victim).Pause()
				paused.Store(int32(victim))
				harness.Pause(rnd, 1500*time.Millisecond, 2500*time.Millisecond)()
				paused.Store(-1)
				p.Server(victim).Resume()
				t.Logf("server %d was paused for longer than a lease lasts", victim)
			} else {
				t.Log(disturb(p, rnd))
			}
			changeHands()
		}
	}, len(clients), func(worker int, rnd *rand.Rand) {
		kind, log := kinds[worker%len(kinds)], &turns[worker%len(kinds)]
		// An error is a lease that was lost, or the end of the test.
		_ = kind.hold(ctx, clients[worker], func(ctx context.Context, token api.FencingToken) {
			if ctx.Err() != nil {
				return // lost before the work could begin
			}
			if n := log.held.Add(1); n > kind.limit {
				log.fail(fmt.Errorf("%d hold the %s", n, kind.name))
			}
			log.enter(token.ModifyIndex, kind.limit)
			// Who is cut off holds on for as long as it may.
			done := time.Now().Add(time.Duration(rnd.IntN(150)) * time.Millisecond)
			for ctx.Err() == nil && (time.Now().Before(done) || paused.Load() == int32(serverOf(worker))) {
				harness.Pause(rnd, 0, 10*time.Millisecond)()
			}
			log.held.Add(-1)
		})
	}, rnd)
	for i, kind := range kinds {
		t.Logf("%s: %d turns", kind.name, turns[i].count())
		require.NoError(t, turns[i].wrong(), kind.name)
	}
	verify(t, p)
}

// turnLog notes the fencing tokens of holders in the order of their turns.
type turnLog struct {
	held atomic.Int32

	mu     sync.Mutex
	turns  int
	newest uint64
	err    error
}

// enter notes a turn. Where several hold at a time, who enters first is not
// always who was first: then the tokens must only differ.
func (l *turnLog) enter(token uint64, limit int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if token == l.newest || token < l.newest && limit == 1 {
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
