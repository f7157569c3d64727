package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// script is a server that treats its nth request by the nth function, and all
// later ones by the last.
type script struct {
	steps []http.HandlerFunc
	seen  atomic.Int64
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(s.seen.Add(1)) - 1
	_, _ = io.Copy(io.Discard, r.Body)
	s.steps[min(n, len(s.steps)-1)](w, r)
}

func says(kind Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, kind, "because") }
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func works(w http.ResponseWriter, _ *http.Request) { answer(w, 200, 0, "true") }

func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func cutsShort(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = w.Write([]byte("["))
	panic(http.ErrAbortHandler)
}

func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Calls that stand for the three classes of requests: read, write, beat.

func read(ctx context.Context, c *Client) error {
	_, _, err := c.KV().Get(ctx, "k", nil)
	return err
}

func write(ctx context.Context, c *Client) error {
	return c.KV().Put(ctx, &KVPair{Key: "k"})
}

func beat(ctx context.Context, c *Client) error {
	return c.Agent().PassTTL(ctx, "k", "")
}

func readable(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		answer(w, 200, 0, `[{"Key":"k"}]`)
		return
	}
	works(w, r)
}

// TestFailover has the first of two servers do something, and the second work.
func TestFailover(t *testing.T) {
	for _, tt := range []struct {
		name   string
		first  http.HandlerFunc // nil: cannot be reached
		call   func(context.Context, *Client) error
		want   error // nil: it worked in the end
		asked2 bool  // the second server was asked
	}{
		{"unreachable, read", nil, read, nil, true},
		{"unreachable, write", nil, write, nil, true},
		{"unreachable, heartbeat", nil, beat, nil, true},
		{"no leader, read", says(NoLeader), read, nil, true},
		{"no leader, write", says(NoLeader), write, nil, true},
		{"not leader, write", says(NotLeader), write, nil, true},
		{"not ready, read", says(Unavailable), read, nil, true},
		{"not ready, write", says(Unavailable), write, nil, true},
		{"hangs up, read", hangsUp, read, nil, true},
		{"hangs up, write", hangsUp, write, OutcomeUnknown, false},
		{"hangs up, heartbeat", hangsUp, beat, nil, true},
		{"cut short, read", cutsShort, read, nil, true},
		{"cut short, write", cutsShort, write, OutcomeUnknown, false},
		{"hangs, read", hangs, read, nil, true},
		{"hangs, write", hangs, write, OutcomeUnknown, false},
		{"hangs, heartbeat", hangs, beat, nil, true},
		{"server timeout, read", says(Timeout), read, nil, true},
		{"server timeout, write", says(Timeout), write, Timeout, false},
		{"outcome unknown, write", says(OutcomeUnknown), write, OutcomeUnknown, false},
		{"outcome unknown, heartbeat", says(OutcomeUnknown), beat, nil, true},
		{"proxy 502, read", status(502), read, nil, true},
		{"proxy 502, write", status(502), write, OutcomeUnknown, false},
		{"proxy 503, read", status(503), read, nil, true},
		{"proxy 503, write", status(503), write, OutcomeUnknown, false},
		{"proxy 504, write", status(504), write, OutcomeUnknown, false},
		{"invalid", says(Invalid), read, Invalid, false},
		{"forbidden", says(Forbidden), read, Forbidden, false},
		{"refused", says(Refused), write, Refused, false},
		{"internal", says(Internal), read, Internal, false},
		{"rate limited", says(RateLimited), read, RateLimited, false},
		{"missing", says(NotFound), beat, NotFound, false},
		{"redirect", status(307), write, Invalid, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newMemNet()
				if tt.first != nil {
					n.serve(t, "a:1", tt.first)
				}
				second := &script{steps: []http.HandlerFunc{readable}}
				n.serve(t, "b:1", second)
				c := n.client(t, nil, "a:1", "b:1")

				err := tt.call(t.Context(), c)
				if tt.want == nil {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, tt.want)
					require.NotEmpty(t, err.Error())
				}
				require.Equal(t, tt.asked2, second.seen.Load() > 0)
			})
		})
	}
}

func TestStaysWithServerThatAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		a := n.serve(t, "a:1", http.HandlerFunc(readable))
		b := n.serve(t, "b:1", http.HandlerFunc(readable))
		c := n.client(t, nil, "a:1", "b:1")
		who := func() string {
			_, meta, err := c.KV().Get(t.Context(), "k", nil)
			require.NoError(t, err)
			return meta.Address
		}
		require.Equal(t, "a:1", who())
		a.cut()
		require.Equal(t, "b:1", who())
		a.mend()
		require.Equal(t, "b:1", who(), "it came back, but there is no reason to leave")
		b.cut()
		require.Equal(t, "a:1", who())
	})
}

func TestSilentHostCostsOneDial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		n.serve(t, "a:1", http.HandlerFunc(readable)).silent = true
		n.serve(t, "b:1", http.HandlerFunc(readable))
		c := n.client(t, nil, "a:1", "b:1")
		require.NoError(t, write(t.Context(), c), "nothing was sent to the first: even a write may go on")
		require.NoError(t, write(t.Context(), c))
		require.Equal(t, 1, n.dials["a:1"])
	})
}

func TestWaitsForLeader(t *testing.T) {
	for name, call := range map[string]func(context.Context, *Client) error{"read": read, "write": write} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newMemNet()
				start := time.Now()
				n.serve(t, "a:1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if time.Since(start) < 3*time.Second {
						refuse(w, NoLeader, "no cluster leader")
						return
					}
					readable(w, r)
				}))
				c := n.client(t, nil, "a:1")
				require.NoError(t, call(t.Context(), c))
				require.InDelta(t, 3, time.Since(start).Seconds(), 0.6)
			})
		})
	}
}

func TestGivesUpWithoutLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		n.serve(t, "a:1", says(NoLeader))
		c := n.client(t, nil, "a:1", "gone:1")
		start := time.Now()
		err := read(t.Context(), c)
		require.ErrorIs(t, err, NoLeader, "what a server says tells more than that one is away")
		require.InDelta(t, 5, time.Since(start).Seconds(), 1)

		c = n.client(t, func(c *Config) { c.RetryTime = -1 }, "a:1")
		start = time.Now()
		require.ErrorIs(t, read(t.Context(), c), NoLeader)
		require.Zero(t, time.Since(start))
	})
}

func TestUnreachableFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMemNet().client(t, nil, "a:1", "b:1")
		start := time.Now()
		err := write(t.Context(), c)
		require.ErrorIs(t, err, Unavailable)
		require.Contains(t, err.Error(), "connection refused")
		require.Zero(t, time.Since(start))
	})
}

func TestCancelledWriteIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		n.serve(t, "a:1", http.HandlerFunc(hangs))
		c := n.client(t, nil, "a:1", "b:1")
		for name, call := range map[string]func(context.Context, *Client) error{"write": write, "read": read} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := call(ctx, c)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, name)
			require.Equal(t, name == "write", errors.Is(err, OutcomeUnknown), name)
		}
	})
}

// TestUnknownIsNotForgotten: a heartbeat lost at one server and refused by an
// unreachable one may have happened all the same.
func TestUnknownIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		n.serve(t, "a:1", http.HandlerFunc(hangsUp))
		c := n.client(t, nil, "a:1", "b:1")
		require.ErrorIs(t, beat(t.Context(), c), OutcomeUnknown)
	})
}

func TestBlockingQueryOutlivesRequestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		n.serve(t, "a:1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d, err := time.ParseDuration(r.URL.Query().Get("wait"))
			if err != nil {
				d = 5 * time.Minute
			}
			linger(r, d+d/16)
			readable(w, r)
		}))
		c := n.client(t, nil, "a:1")
		for _, wait := range []time.Duration{time.Minute, 0, 10 * time.Minute} {
			_, _, err := c.KV().Get(t.Context(), "k", &QueryOptions{Index: 7, Wait: wait})
			require.NoError(t, err, wait)
		}
		_, _, err := c.KV().Get(t.Context(), "k", &QueryOptions{Wait: time.Minute})
		require.ErrorIs(t, err, Unavailable, "without an index there is nothing to wait for")
		_, _, err = c.WithTimeout(0).KV().Get(t.Context(), "k", &QueryOptions{Wait: time.Minute})
		require.NoError(t, err)
	})
}

func TestPinnedCallsStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		b := &script{steps: []http.HandlerFunc{works}}
		n.serve(t, "b:1", b)
		c := n.client(t, nil, "a:1", "b:1")
		require.ErrorIs(t, c.Agent().Leave(t.Context()), Unavailable)
		require.Zero(t, b.seen.Load(), "another server must not leave in its place")

		only, err := c.At("b:1")
		require.NoError(t, err)
		require.NoError(t, only.Agent().Leave(t.Context()))
		require.Equal(t, []string{"b:1"}, only.Addresses())
		_, err = c.At("c:1")
		require.ErrorIs(t, err, NotFound)
	})
}

func TestShuffleSpreads(t *testing.T) {
	first := map[int64]int{}
	for range 200 {
		c, err := New(Config{Addresses: []string{"a", "b", "c"}, Shuffle: true, IgnoreEnv: true})
		require.NoError(t, err)
		first[c.t.current.Load()]++
	}
	require.Len(t, first, 3)
}

// TestManyCallersLoseOneServer: all of them go on at the other, reads without
// an error.
func TestManyCallersLoseOneServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		slowly := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			linger(r, 10*time.Millisecond)
			readable(w, r)
		})
		a := n.serve(t, "a:1", slowly)
		n.serve(t, "b:1", slowly)
		c := n.client(t, nil, "a:1", "b:1")
		results := make(chan error)
		for range 20 {
			go func() {
				var err error
				for range 50 {
					err = errors.Join(err, read(context.Background(), c))
				}
				results <- err
			}()
		}
		time.Sleep(95 * time.Millisecond)
		a.cut()
		for range 20 {
			require.NoError(t, <-results)
		}
	})
}
