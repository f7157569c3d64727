package api

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// locks is a cluster of two servers and a client for both.
type locks struct {
	n      *memNet
	f      *fakeCluster
	a, b   *fakeServer
	hostA  *memHost
	hostB  *memHost
	client *Client
}

func newLocks(t *testing.T) *locks {
	l := &locks{n: newMemNet(), f: newFakeCluster(t)}
	l.a, l.hostA = l.f.server(t, l.n, "a")
	l.b, l.hostB = l.f.server(t, l.n, "b")
	l.client = l.n.client(t, nil, "a:1", "b:1")
	return l
}

// sessionAlive reports whether the cluster still has the session.
func (l *locks) sessionAlive(id string) bool {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	return l.f.sessions[id] != nil
}

func (l *locks) sessions() int {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	return len(l.f.sessions)
}

func TestLockAndRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		one, err := ls.client.Lock(t.Context(), "lock/k", &LockOptions{Value: []byte("me")})
		require.NoError(t, err)
		require.NotZero(t, one.Token().ModifyIndex)
		require.Equal(t, uint64(1), one.Token().LockIndex)
		require.Equal(t, "lock/k", one.Key())

		p, _, err := ls.client.KV().Get(t.Context(), "lock/k", nil)
		require.NoError(t, err)
		require.Equal(t, one.Session(), p.Session)
		require.Equal(t, "me", string(p.Value))
		require.Equal(t, LockFlag, p.Flags)

		_, err = ls.client.TryLock(t.Context(), "lock/k", nil)
		require.ErrorIs(t, err, Conflict)
		require.Equal(t, 1, ls.sessions(), "the one that tried left no session behind")

		got := make(chan *Lock)
		go func() {
			l, err := ls.client.Lock(context.Background(), "lock/k", nil)
			if err != nil {
				t.Error(err)
			}
			got <- l
		}()
		synctest.Wait()
		time.Sleep(time.Hour) // held through hundreds of renewals
		require.NoError(t, one.Context().Err())
		start := time.Now()
		require.NoError(t, one.Release(t.Context()))
		require.ErrorIs(t, one.Context().Err(), context.Canceled)
		two := <-got
		require.Less(t, time.Since(start), time.Second, "a release has no lock-delay")
		require.Greater(t, two.Token().ModifyIndex, one.Token().ModifyIndex)
		require.NoError(t, two.Release(t.Context()))
		require.NoError(t, two.Release(t.Context()), "twice is fine")
		require.Zero(t, ls.sessions())
	})
}

// TestLockEndsBeforeLease cuts the holder off in several ways, and requires
// that its context ends while the cluster still has its session.
func TestLockEndsBeforeLease(t *testing.T) {
	for name, fail := range map[string]func(*locks){
		"unreachable": func(l *locks) { l.hostA.cut(); l.hostB.cut() },
		"hanging":     func(l *locks) { l.a.failWith(hangs); l.b.failWith(hangs) },
		"no leader":   func(l *locks) { l.a.failWith(says(NoLeader)); l.b.failWith(says(NoLeader)) },
		"failing":     func(l *locks) { l.a.failWith(says(Internal)); l.b.failWith(says(Internal)) },
		"silent": func(l *locks) {
			l.hostA.cut()
			l.hostB.cut()
			l.n.mu.Lock()
			l.hostA.silent, l.hostB.silent = true, true
			l.n.mu.Unlock()
			l.hostA.mend()
			l.hostB.mend()
		},
	} {
		for _, after := range []time.Duration{0, time.Second, 4900 * time.Millisecond, 5 * time.Second, 7 * time.Second} {
			t.Run(name+" after "+after.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ls := newLocks(t)
					l, err := ls.client.Lock(t.Context(), "k", &LockOptions{TTL: 15 * time.Second, Margin: 3 * time.Second})
					require.NoError(t, err)
					synctest.Wait()
					time.Sleep(after)
					fail(ls)
					cut := time.Now()
					<-l.Context().Done()
					require.ErrorIs(t, context.Cause(l.Context()), Unavailable)
					require.True(t, ls.sessionAlive(l.Session()))
					time.Sleep(2900 * time.Millisecond)
					require.True(t, ls.sessionAlive(l.Session()), "the margin is what work has to stop in")
					require.Greater(t, time.Since(cut), 9*time.Second, "and it is not given up early")

					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					require.ErrorIs(t, l.Release(ctx), Unavailable)
				})
			})
		}
	}
}

func TestLockSurvivesServerLoss(t *testing.T) {
	for name, fail := range map[string]func(*fakeServer, *memHost){
		"killed":    func(_ *fakeServer, h *memHost) { h.cut() },
		"hanging":   func(s *fakeServer, _ *memHost) { s.failWith(hangs) },
		"no leader": func(s *fakeServer, _ *memHost) { s.failWith(says(NoLeader)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ls := newLocks(t)
				l, err := ls.client.Lock(t.Context(), "k", nil)
				require.NoError(t, err)
				time.Sleep(12 * time.Second)
				fail(ls.a, ls.hostA)
				time.Sleep(10 * time.Minute)
				require.NoError(t, l.Context().Err())
				require.NoError(t, l.Release(t.Context()))
			})
		})
	}
}

func TestLockSeesThatItIsTakenAway(t *testing.T) {
	for name, take := range map[string]func(*locks, *Lock){
		"session destroyed": func(ls *locks, l *Lock) {
			ls.f.mu.Lock()
			defer ls.f.mu.Unlock()
			ls.f.endSession(l.Session())
		},
		"key deleted": func(ls *locks, l *Lock) { ls.f.edit(func() { delete(ls.f.keys, l.Key()) }) },
		"held by another": func(ls *locks, l *Lock) {
			ls.f.edit(func() { ls.f.keys[l.Key()] = &KVPair{Key: l.Key(), Session: "other"} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ls := newLocks(t)
				l, err := ls.client.Lock(t.Context(), "k", nil)
				require.NoError(t, err)
				synctest.Wait()
				start := time.Now()
				take(ls, l)
				<-l.Context().Done()
				require.Zero(t, time.Since(start), "at once, not when the lease ends")
				require.ErrorIs(t, context.Cause(l.Context()), Conflict)
				require.ErrorIs(t, l.Release(t.Context()), Conflict)
			})
		})
	}
}

func TestLockWaitsOutLockDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		l, err := ls.client.Lock(t.Context(), "k", &LockOptions{LockDelay: 40 * time.Second})
		require.NoError(t, err)
		ls.f.mu.Lock()
		ls.f.endSession(l.Session())
		ls.f.mu.Unlock()
		_ = l.Release(t.Context())

		_, err = ls.client.TryLock(t.Context(), "k", nil)
		require.ErrorIs(t, err, Conflict)
		start := time.Now()
		l, err = ls.client.Lock(t.Context(), "k", nil)
		require.NoError(t, err)
		require.InDelta(t, 40, time.Since(start).Seconds(), 1.1)
		require.NoError(t, l.Release(t.Context()))
	})
}

// TestLockWaitsThroughOutage: the contender's own session ends while it waits
// and no server can be reached.
func TestLockWaitsThroughOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		ls.f.edit(func() { ls.f.keys["k"] = &KVPair{Key: "k", Session: "other", Flags: LockFlag} })
		got := make(chan *Lock)
		go func() {
			l, err := ls.client.Lock(context.Background(), "k", nil)
			if err != nil {
				t.Error(err)
			}
			got <- l
		}()
		synctest.Wait()
		ls.hostA.cut()
		ls.hostB.cut()
		time.Sleep(5 * time.Minute)
		ls.hostA.mend()
		ls.f.edit(func() { ls.f.keys["k"] = &KVPair{Key: "k", Flags: LockFlag} })
		l := <-got
		require.NoError(t, l.Context().Err())
		require.NoError(t, l.Release(t.Context()))
	})
}

func TestLockRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		ls.f.set("data", "precious")
		_, err := ls.client.Lock(t.Context(), "data", nil)
		require.ErrorIs(t, err, Conflict, "a key with other content is not overwritten")
		_, err = ls.client.Lock(t.Context(), "", nil)
		require.ErrorIs(t, err, Invalid)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ls.f.edit(func() { ls.f.keys["k"] = &KVPair{Key: "k", Session: "other", Flags: LockFlag} })
		_, err = ls.client.Lock(ctx, "k", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, ls.sessions(), "who gave up leaves no session behind")

		ls.hostA.cut()
		ls.hostB.cut()
		_, err = ls.client.Lock(t.Context(), "k", nil)
		require.ErrorIs(t, err, Unavailable, "the first error is told at once")
	})
}

// TestLockTakenWithoutAnswer: the server does the acquire and then drops the
// connection.
func TestLockTakenWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		lost := false
		ls.a.failWith(func(w http.ResponseWriter, r *http.Request) {
			ls.b.ServeHTTP(w, r)
			if r.URL.Query().Has("acquire") && !lost {
				lost = true
				panic(http.ErrAbortHandler)
			}
		})
		l, err := ls.client.Lock(t.Context(), "k", nil)
		require.NoError(t, err)
		require.True(t, lost)
		require.Equal(t, uint64(1), l.Token().LockIndex)
		require.NoError(t, l.Release(t.Context()))
	})
}

func TestWithLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		boom := errors.New("boom")
		err := ls.client.WithLock(t.Context(), "k", nil, func(ctx context.Context, token FencingToken) error {
			require.NotZero(t, token.ModifyIndex)
			return boom
		})
		require.ErrorIs(t, err, boom)
		require.Zero(t, ls.sessions())

		ctx, cancel := context.WithCancel(t.Context())
		err = ls.client.WithLock(ctx, "k", nil, func(work context.Context, _ FencingToken) error {
			cancel()
			<-work.Done()
			return nil
		})
		require.NoError(t, err)
		require.Zero(t, ls.sessions(), "released although ctx had ended")

		err = ls.client.WithLock(t.Context(), "k", nil, func(work context.Context, _ FencingToken) error {
			ls.f.edit(func() { delete(ls.f.keys, "k") })
			<-work.Done()
			return nil
		})
		require.ErrorIs(t, err, Conflict)
	})
}
