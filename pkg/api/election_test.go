package api

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestElectionHasOneLeaderAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		ctx, cancel := context.WithCancel(t.Context())
		type term struct {
			who   string
			token FencingToken
		}
		terms := make(chan term, 100)
		leading := 0
		done := make(chan error)
		for i := range 3 {
			e := ls.client.Election("leader", &LockOptions{Value: fmt.Appendf(nil, "p%d", i)})
			go func() {
				done <- e.Run(ctx, func(ctx context.Context, token FencingToken) error {
					ls.f.mu.Lock()
					leading++
					if leading != 1 {
						t.Error("two leaders at once")
					}
					ls.f.mu.Unlock()
					terms <- term{fmt.Sprintf("p%d", i), token}
					<-ctx.Done()
					ls.f.mu.Lock()
					leading--
					ls.f.mu.Unlock()
					return ctx.Err()
				})
			}()
		}
		e := ls.client.Election("leader", nil)
		var last uint64
		for range 5 {
			now := <-terms
			require.Greater(t, now.token.ModifyIndex, last)
			last = now.token.ModifyIndex
			who, _, err := e.Leader(t.Context(), nil)
			require.NoError(t, err)
			require.Equal(t, now.who, string(who.Value))
			require.Equal(t, now.token, who.Token)
			synctest.Wait()
			ls.f.mu.Lock()
			ls.f.endSession(who.Session)
			ls.f.mu.Unlock()
		}
		cancel()
		for range 3 {
			require.ErrorIs(t, <-done, context.Canceled)
		}
		require.Zero(t, ls.sessions())
		_, _, err := e.Leader(t.Context(), nil)
		require.ErrorIs(t, err, NotFound)
	})
}

func TestElectionResign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		boom := errors.New("boom")
		for _, want := range []error{nil, boom} {
			err := ls.client.Election("leader", nil).Run(t.Context(), func(context.Context, FencingToken) error { return want })
			require.Equal(t, want, err)
		}
		ls.hostA.cut()
		ls.hostB.cut()
		err := ls.client.Election("leader", nil).Run(t.Context(), nil)
		require.ErrorIs(t, err, Unavailable, "an election nobody can reach is told at once")
	})
}

func TestElectionWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ls := newLocks(t)
		e := ls.client.Election("leader", &LockOptions{Value: []byte("me")})
		w := follow(t, func(ctx context.Context, o *WatchOptions, fn func(string, QueryMeta)) error {
			return e.Watch(ctx, o, func(l *Leadership, m QueryMeta) {
				if l == nil {
					fn("nobody", m)
					return
				}
				fn(string(l.Value), m)
			})
		}, WatchOptions{})
		require.Equal(t, "nobody", w.next(t))
		resign := make(chan struct{})
		done := make(chan error)
		go func() {
			done <- e.Run(context.Background(), func(context.Context, FencingToken) error { <-resign; return nil })
		}()
		require.Equal(t, "me", w.next(t))
		time.Sleep(time.Minute)
		close(resign)
		require.NoError(t, <-done)
		require.Equal(t, "nobody", w.next(t))
	})
}
