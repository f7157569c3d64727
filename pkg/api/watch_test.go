package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// recorder collects what a watch tells.
type recorder[T any] struct {
	states chan T
	errs   chan error
	done   chan error
}

// follow runs a watch until the test ends.
func follow[T any](t *testing.T, watch func(ctx context.Context, o *WatchOptions, fn func(T, QueryMeta)) error, o WatchOptions) *recorder[T] {
	r := &recorder[T]{states: make(chan T, 1000), errs: make(chan error, 1000), done: make(chan error, 1)}
	o.OnError = func(err error, _ time.Duration) { r.errs <- err }
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		r.done <- watch(ctx, &o, func(v T, _ QueryMeta) { r.states <- v })
	}()
	t.Cleanup(func() {
		cancel()
		require.ErrorIs(t, <-r.done, context.Canceled)
	})
	return r
}

// next waits for the next state.
func (r *recorder[T]) next(t *testing.T) T {
	t.Helper()
	select {
	case v := <-r.states:
		return v
	case <-time.After(time.Hour):
		t.Fatal("no further state")
		panic("unreachable")
	}
}

// none asserts that nothing was told for the given time.
func (r *recorder[T]) none(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case v := <-r.states:
		t.Fatalf("unexpected state %v", v)
	case <-time.After(d):
	}
}

func watchValue(c *Client, key string) func(context.Context, *WatchOptions, func(string, QueryMeta)) error {
	return func(ctx context.Context, o *WatchOptions, fn func(string, QueryMeta)) error {
		return c.WatchKey(ctx, key, o, func(p *KVPair, m QueryMeta) {
			if p == nil {
				fn("<none>", m)
				return
			}
			fn(string(p.Value), m)
		})
	}
}

// set writes a key behind the servers' backs.
func (f *fakeCluster) set(key, value string) {
	f.edit(func() { f.keys[key] = &KVPair{Key: key, Value: []byte(value)} })
}

func TestWatchTellsEachChangeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := newMemNet(), newFakeCluster(t)
		f.server(t, n, "a")
		w := follow(t, watchValue(n.client(t, nil, "a:1"), "k"), WatchOptions{})
		require.Equal(t, "<none>", w.next(t))
		f.set("k", "1")
		require.Equal(t, "1", w.next(t))
		f.set("other", "x")
		f.set("k", "1")
		w.none(t, 10*time.Minute) // woken for nothing, and timed out, many times
		f.set("k", "2")
		require.Equal(t, "2", w.next(t))
		f.edit(func() { delete(f.keys, "k") })
		require.Equal(t, "<none>", w.next(t))
		require.Empty(t, w.errs)
	})
}

func TestWatchSurvivesLossOfServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := newMemNet(), newFakeCluster(t)
		f.set("k", "1")
		a, hostA := f.server(t, n, "a")
		_, hostB := f.server(t, n, "b")
		w := follow(t, watchValue(n.client(t, nil, "a:1", "b:1"), "k"), WatchOptions{})
		require.Equal(t, "1", w.next(t))

		synctest.Wait()
		hostA.cut()
		f.set("k", "2")
		require.Equal(t, "2", w.next(t), "goes on at the second")

		synctest.Wait()
		hostB.cut()
		w.none(t, time.Minute) // both gone: the last state stands
		require.NotEmpty(t, w.errs)
		require.ErrorIs(t, <-w.errs, Unavailable)
		f.set("k", "3")
		hostA.mend()
		start := time.Now()
		require.Equal(t, "3", w.next(t))
		require.Less(t, time.Since(start), 11*time.Second, "pauses are bounded")

		synctest.Wait()
		a.failWith(says(NoLeader))
		f.set("k", "4") // wakes the read under way, which still is answered
		require.Equal(t, "4", w.next(t))
		f.set("k", "5")
		w.none(t, time.Minute)
		a.failWith(nil)
		require.Equal(t, "5", w.next(t))
	})
}

// TestWatchLeavesHungServer: a stopped process keeps its connections open and
// answers nothing.
func TestWatchLeavesHungServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := newMemNet(), newFakeCluster(t)
		f.set("k", "1")
		a, _ := f.server(t, n, "a")
		f.server(t, n, "b")
		a.failWith(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("index") {
				hangs(w, r)
				return
			}
			writeJSON(w, 20, []*KVPair{{Key: "k", Value: []byte("1")}})
		})
		w := follow(t, watchValue(n.client(t, nil, "a:1", "b:1"), "k"), WatchOptions{})
		require.Equal(t, "1", w.next(t))
		f.edit(func() { f.index = 30 })
		f.set("k", "2")
		start := time.Now()
		require.Equal(t, "2", w.next(t))
		require.Less(t, time.Since(start), 90*time.Second)
	})
}

func TestWatchStartsOverWhenIndexRunsBackwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, f := newMemNet(), newFakeCluster(t)
		f.set("k", "before")
		f.edit(func() { f.index = 1000 })
		f.server(t, n, "a")
		w := follow(t, watchValue(n.client(t, nil, "a:1"), "k"), WatchOptions{QueryOptions: QueryOptions{Wait: 10 * time.Second}})
		require.Equal(t, "before", w.next(t))
		synctest.Wait()
		f.edit(func() { f.index = 5; f.keys["k"] = &KVPair{Key: "k", Value: []byte("restored")} })
		require.Equal(t, "restored", w.next(t))
		synctest.Wait()
		f.set("k", "after")
		start := time.Now()
		require.Equal(t, "after", w.next(t))
		require.Less(t, time.Since(start), time.Second, "it waits on the new history's index")
	})
}

// counted is a fetch that returns what it is told and counts how often.
func counted(n *atomic.Int64, state func() string, index func() uint64) Fetch[string] {
	return func(context.Context, *QueryOptions) (string, QueryMeta, error) {
		n.Add(1)
		return state(), QueryMeta{Index: index()}, nil
	}
}

func TestWatchDoesNotSpin(t *testing.T) {
	constant := func() string { return "same" }
	var clock atomic.Int64
	for name, tt := range map[string]struct {
		state func() string
		index func() uint64
		most  int64 // reads in a minute
	}{
		"no index":          {constant, func() uint64 { return 0 }, 130},
		"always woken":      {constant, func() uint64 { return uint64(clock.Add(1)) }, 500},
		"always backwards":  {constant, func() uint64 { return uint64(1<<40 - clock.Add(1)) }, 500},
		"no index, changes": {func() string { return fmt.Sprint(clock.Add(1)) }, func() uint64 { return 0 }, 130},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var reads atomic.Int64
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err := Watch(ctx, counted(&reads, tt.state, tt.index), func(string, QueryMeta) {}, nil)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Greater(t, reads.Load(), int64(50))
				require.Less(t, reads.Load(), tt.most)
			})
		})
	}
}

func TestWatchEndsWhenHopeless(t *testing.T) {
	for _, tt := range []struct {
		kind  Kind
		first bool // ends when the first read fails so
		later bool // ends when a later one does
	}{
		{Invalid, true, true}, {MethodNotAllowed, true, true}, {Disabled, true, true},
		{Forbidden, true, false}, {Refused, true, false}, {UnknownDC, true, false},
		{Internal, false, false}, {NoLeader, false, false}, {RateLimited, false, false}, {NotFound, false, false},
	} {
		for _, later := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				index := uint64(0)
				err := Watch(ctx, func(context.Context, *QueryOptions) (string, QueryMeta, error) {
					if index++; later && index == 1 {
						return "x", QueryMeta{Index: 1}, nil
					}
					return "", QueryMeta{}, E(tt.kind, "no")
				}, func(string, QueryMeta) {}, nil)
				want := error(context.DeadlineExceeded)
				if later && tt.later || !later && tt.first {
					want = tt.kind
				}
				require.ErrorIs(t, err, want, "%v later=%v", tt.kind, later)
			})
		}
	}
}

func TestWatchBacksOffWithJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var pauses []time.Duration
		_ = Watch(ctx, func(context.Context, *QueryOptions) (string, QueryMeta, error) {
			return "", QueryMeta{}, errors.New("down")
		}, nil, &WatchOptions{OnError: func(_ error, in time.Duration) { pauses = append(pauses, in) }})
		require.InDelta(t, 480, len(pauses), 60, "an hour of pauses of 5 to 10 s")
		different := map[time.Duration]bool{}
		for i, p := range pauses {
			full := min(100*time.Millisecond<<min(i, 10), 10*time.Second)
			require.LessOrEqual(t, p, full)
			require.GreaterOrEqual(t, p, full/2)
			different[p] = true
		}
		require.Greater(t, len(different), len(pauses)/2)
	})
}

func TestTypedWatches(t *testing.T) {
	answers := map[string]string{
		"/v1/health/service/x":            `[{"Service":{"ID":"s"}}]`,
		"/v1/catalog/services":            `{"x":["b","a"]}`,
		"/v1/catalog/nodes":               `[{"Node":"n"}]`,
		"/v1/catalog/node-services/x":     `{"Node":null,"Services":null}`,
		"/v1/health/checks/x":             `[{"CheckID":"c"}]`,
		"/v1/health/node/x":               `[{"CheckID":"c"}]`,
		"/v1/health/state/x":              `[{"CheckID":"c"}]`,
		"/v1/kv/x":                        `[{"Key":"x"}]`,
		"/v1/event/list":                  `[{"Name":"x"}]`,
		"/v1/agent/connect/ca/roots":      `{"ActiveRootID":"r"}`,
		"/v1/agent/connect/ca/leaf/x":     `{"Service":"x"}`,
		"/v1/catalog/node-services/known": `{"Node":{"Node":"known"}}`,
	}
	for name, tt := range map[string]struct {
		watch func(ctx context.Context, c *Client, tell func(any)) error
		want  any
	}{
		"service": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchService(ctx, "x", nil, func(v []*Entry, _ QueryMeta) { tell(v) })
		}, []*Entry{{Service: &Service{ID: "s"}}}},
		"services": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchServices(ctx, nil, func(v map[string][]string, _ QueryMeta) { tell(v) })
		}, map[string][]string{"x": {"a", "b"}}},
		"nodes": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchNodes(ctx, nil, func(v []*Node, _ QueryMeta) { tell(v) })
		}, []*Node{{Node: "n"}}},
		"node": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchNode(ctx, "known", nil, func(v *NodeServices, _ QueryMeta) { tell(v) })
		}, &NodeServices{Node: &Node{Node: "known"}}},
		"no node": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchNode(ctx, "x", nil, func(v *NodeServices, _ QueryMeta) { tell(v) })
		}, (*NodeServices)(nil)},
		"checks": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchChecks(ctx, "x", nil, func(v []*Check, _ QueryMeta) { tell(v) })
		}, []*Check{{CheckID: "c"}}},
		"node checks": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchNodeChecks(ctx, "x", nil, func(v []*Check, _ QueryMeta) { tell(v) })
		}, []*Check{{CheckID: "c"}}},
		"state": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchState(ctx, "x", nil, func(v []*Check, _ QueryMeta) { tell(v) })
		}, []*Check{{CheckID: "c"}}},
		"prefix": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchPrefix(ctx, "x", nil, func(v []*KVPair, _ QueryMeta) { tell(v) })
		}, []*KVPair{{Key: "x"}}},
		"events": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchEvents(ctx, "x", nil, func(v []*UserEvent, _ QueryMeta) { tell(v) })
		}, []*UserEvent{{Name: "x"}}},
		"roots": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchRoots(ctx, nil, func(v *CARoots, _ QueryMeta) { tell(v) })
		}, &CARoots{ActiveRootID: "r"}},
		"leaf": {func(ctx context.Context, c *Client, tell func(any)) error {
			return c.WatchLeaf(ctx, "x", nil, func(v *LeafCert, _ QueryMeta) { tell(v) })
		}, &LeafCert{Service: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newMemNet()
				n.serve(t, "a:1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, known := answers[r.URL.Path]
					if !known {
						refuse(w, Invalid, "unexpected "+r.URL.Path)
						return
					}
					if r.URL.Query().Has("index") {
						linger(r, time.Minute)
					}
					w.Header().Set("X-Consul-Index", "7")
					answer(w, 200, 0, body)
				}))
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				var told []any
				err := tt.watch(ctx, n.client(t, nil, "a:1"), func(v any) { told = append(told, v) })
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, []any{tt.want}, told)
			})
		})
	}
}
