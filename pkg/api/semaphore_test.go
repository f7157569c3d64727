package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSemaphoreLimitsHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		const limit, workers = 3, 8
		var held, most, done int
		results := make(chan error)
		for range workers {
			go func() {
				s, err := ls.client.Semaphore(context.Background(), "sem/", limit, &LockOptions{Value: []byte("w")})
				if err == nil {
					ls.f.mu.Lock()
					held++
					most = max(most, held)
					ls.f.mu.Unlock()
					time.Sleep(time.Minute)
					err = s.Context().Err()
					ls.f.mu.Lock()
					held--
					ls.f.mu.Unlock()
				}
				if err == nil {
					err = s.Release(context.Background())
				}
				results <- err
			}()
		}
		start := time.Now()
		for range workers {
			require.NoError(t, <-results)
			done++
		}
		require.Equal(t, limit, most, "all slots are used, and no more")
		require.InDelta(t, 180, time.Since(start).Seconds(), 5, "8 minutes of work by 3 at a time")
		require.Zero(t, ls.sessions())
		require.Len(t, ls.f.keys, 1, "only the list of holders is left")
	})
}

func TestTrySemaphore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		one, err := ls.client.TrySemaphore(t.Context(), "sem", 2, nil)
		require.NoError(t, err)
		two, err := ls.client.TrySemaphore(t.Context(), "sem", 2, nil)
		require.NoError(t, err)
		require.Greater(t, two.Token().ModifyIndex, one.Token().ModifyIndex)
		_, err = ls.client.TrySemaphore(t.Context(), "sem", 2, nil)
		require.ErrorIs(t, err, Conflict)
		_, err = ls.client.TrySemaphore(t.Context(), "sem", 3, nil)
		require.ErrorIs(t, err, Conflict, "all must agree on the limit")
		_, err = ls.client.TrySemaphore(t.Context(), "sem", 0, nil)
		require.ErrorIs(t, err, Invalid)
		_, err = ls.client.TrySemaphore(t.Context(), "/", 1, nil)
		require.ErrorIs(t, err, Invalid)
		require.NoError(t, one.Release(t.Context()))
		three, err := ls.client.TrySemaphore(t.Context(), "sem", 2, nil)
		require.NoError(t, err)
		require.NoError(t, two.Release(t.Context()))
		require.NoError(t, three.Release(t.Context()))

		ls.f.set("data/.lock", "precious")
		_, err = ls.client.TrySemaphore(t.Context(), "data", 2, nil)
		require.ErrorIs(t, err, Conflict)
	})
}

// TestSemaphoreTokenIsOnesOwn: the answer to the write that takes a slot is
// lost, and another has taken one by the time the key is read.
func TestSemaphoreTokenIsOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		var other *Semaphore
		swallow := func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/v1/txn" {
				ls.a.answer(w, r)
				return
			}
			ls.a.failWith(nil)
			ls.a.answer(httptest.NewRecorder(), r)
			var err error
			other, err = ls.client.Semaphore(t.Context(), "sem", 3, nil)
			if err != nil {
				t.Error(err)
			}
			panic(http.ErrAbortHandler)
		}
		ls.a.failWith(swallow)
		first, err := ls.client.Semaphore(t.Context(), "sem", 3, nil)
		require.NoError(t, err)
		require.NotNil(t, other, "the answer was swallowed")
		require.Greater(t, first.Token().ModifyIndex, other.Token().ModifyIndex, "the slot was taken anew")
		third, err := ls.client.Semaphore(t.Context(), "sem", 3, nil)
		require.NoError(t, err)
		require.Greater(t, third.Token().ModifyIndex, first.Token().ModifyIndex)
		for _, s := range []*Semaphore{first, other, third} {
			require.NoError(t, s.Release(t.Context()))
		}
	})
}

// TestSemaphoreStrikesOutTheDead: a holder's session ends without a release.
func TestSemaphoreStrikesOutTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		dead, err := ls.client.Semaphore(t.Context(), "sem", 1, nil)
		require.NoError(t, err)
		got := make(chan *Semaphore)
		go func() {
			s, err := ls.client.Semaphore(context.Background(), "sem", 1, nil)
			if err != nil {
				t.Error(err)
			}
			got <- s
		}()
		synctest.Wait()
		ls.f.mu.Lock()
		ls.f.endSession(dead.Session())
		ls.f.mu.Unlock()
		next := <-got
		<-dead.Context().Done()
		require.ErrorIs(t, context.Cause(dead.Context()), Conflict)
		require.ErrorIs(t, dead.Release(t.Context()), Conflict)
		require.NoError(t, next.Context().Err())

		p, _, err := ls.client.KV().Get(t.Context(), "sem/.lock", nil)
		require.NoError(t, err)
		var held slots
		require.NoError(t, json.Unmarshal(p.Value, &held))
		require.Equal(t, slots{Limit: 1, Holders: map[string]bool{next.Session(): true}}, held)
		require.NoError(t, next.Release(t.Context()))
	})
}

func TestSemaphoreEndsBeforeLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		s, err := ls.client.Semaphore(t.Context(), "sem", 1, nil)
		require.NoError(t, err)
		time.Sleep(7 * time.Second)
		ls.hostA.cut()
		ls.hostB.cut()
		<-s.Context().Done()
		require.True(t, ls.sessionAlive(s.Session()))
		require.ErrorIs(t, s.Release(t.Context()), Unavailable)
	})
}
