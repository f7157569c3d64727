package raft

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProgress(5)
		require.NoError(t, p.Wait(t.Context(), 5))
		var woken [10]atomic.Bool
		for i := range 10 {
			go func() {
				if p.Wait(t.Context(), uint64(6+i)) == nil {
					woken[i].Store(true)
				}
			}()
		}
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() { failed <- p.Wait(ctx, 6) }()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-failed, context.Canceled)

		p.Advance(8)
		p.Advance(3) // never back
		synctest.Wait()
		require.EqualValues(t, 8, p.Index())
		for i := range 10 {
			require.Equal(t, i <= 2, woken[i].Load(), i)
		}
		p.Advance(100)
		synctest.Wait()
		require.True(t, woken[9].Load())
		require.Empty(t, p.waiting)
	})
}

func TestProgressConcurrent(t *testing.T) {
	p := newProgress(0)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := uint64(1); i <= 2000; i++ {
				require.NoError(t, p.Wait(t.Context(), i))
				require.True(t, p.Reached(i))
			}
		})
	}
	for i := uint64(1); i <= 2000; i++ {
		p.Advance(i)
	}
	wg.Wait()
}

func TestProgressCostsNoAllocation(t *testing.T) {
	p := newProgress(0)
	var i uint64
	require.Zero(t, testing.AllocsPerRun(100, func() {
		i++
		p.Advance(i)
		_ = p.Wait(context.Background(), i)
	}))
}

func TestCoalescerSharesRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var runs atomic.Uint64
		proceed := make(chan struct{})
		g := newGroup()
		c := &coalescer{spawn: g.spawn, ask: func() (uint64, error) {
			n := runs.Add(1)
			<-proceed
			if n == 2 {
				return 0, errors.New("second")
			}
			return n, nil
		}}
		first := make(chan uint64, 1)
		go func() { v, _ := c.Do(t.Context()); first <- v }()
		synctest.Wait()
		// These come while a run is under way: they share the next one.
		failures := make(chan error, 10)
		for range 10 {
			go func() { _, err := c.Do(t.Context()); failures <- err }()
		}
		synctest.Wait()
		proceed <- struct{}{}
		require.EqualValues(t, 1, <-first)
		proceed <- struct{}{}
		for range 10 {
			require.ErrorContains(t, <-failures, "second")
		}
		require.EqualValues(t, 2, runs.Load())

		// Nothing runs for nobody, and a caller may go away.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := c.Do(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		proceed <- struct{}{}
		g.close()
		g.wait()
		_, err = c.Do(t.Context())
		require.ErrorIs(t, err, errClosed)
	})
}

func TestLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		voters := []string{"a", "b", "c"}
		l := newLease("a", 350*time.Millisecond, func() []string { return voters })
		require.False(t, l.Valid(1))

		sent := time.Now()
		time.Sleep(100 * time.Millisecond)
		l.Acknowledge("b", 1, sent)
		require.True(t, l.Valid(1))
		require.False(t, l.Valid(2), "another term")
		time.Sleep(249 * time.Millisecond)
		require.True(t, l.Valid(1))
		time.Sleep(2 * time.Millisecond)
		require.False(t, l.Valid(1), "it counts from the sending")

		// An old answer that comes late renews nothing.
		l.Acknowledge("c", 1, sent)
		require.False(t, l.Valid(1))
		ok, changed := l.Since(1, sent.Add(time.Millisecond))
		require.False(t, ok)
		l.Acknowledge("c", 1, time.Now())
		<-changed
		require.True(t, l.Valid(1))
		ok, _ = l.Since(1, sent.Add(time.Millisecond))
		require.True(t, ok)

		// Five voters need two others.
		voters = []string{"a", "b", "c", "d", "e"}
		l.Acknowledge("b", 2, time.Now())
		require.False(t, l.Valid(2))
		l.Acknowledge("d", 2, time.Now())
		require.True(t, l.Valid(2))
		l.Acknowledge("c", 1, time.Now().Add(time.Second)) // of an old term
		require.False(t, l.Valid(1))

		l.Void(2)
		require.False(t, l.Valid(2))
		l.Acknowledge("c", 2, time.Now().Add(time.Second))
		require.False(t, l.Valid(2))
		l.Acknowledge("b", 3, time.Now())
		l.Acknowledge("c", 3, time.Now())
		require.True(t, l.Valid(3))

		// A leader that is no voter any more does not count itself.
		voters = []string{"b", "c"}
		l.Acknowledge("b", 4, time.Now())
		require.False(t, l.Valid(4))
		l.Acknowledge("c", 4, time.Now())
		require.True(t, l.Valid(4))
	})
}
