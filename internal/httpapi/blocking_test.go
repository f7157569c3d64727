package httpapi

import (
	"context"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// answer is how a read ended.
type answer struct {
	index uint64
	meta  *meta
	err   error
	took  time.Duration
}

// ask reads a service in a goroutine of its own; the answer comes when there is
// one.
func (d *testDoor) ask(ctx context.Context, query string) <-chan answer {
	d.t.Helper()
	r := httptest.NewRequest("GET", "/v1/health/service/web?"+query, nil).WithContext(ctx)
	q, err := d.parse(httptest.NewRecorder(), r, "/v1/health/service/")
	require.NoError(d.t, err)
	done := make(chan answer, 1)
	began := time.Now()
	go func() {
		rep, err := d.healthService(q)
		a := answer{err: err, meta: rep.meta, took: time.Since(began)}
		if rep.meta != nil {
			a.index = rep.meta.index
		}
		done <- a
	}()
	return done
}

// waiting reports, once all has come to rest, whether there is no answer yet.
func waiting(done <-chan answer) bool {
	synctest.Wait()
	return len(done) == 0
}

func TestReadWithoutAnIndexIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{})
		a := <-d.ask(t.Context(), "")
		require.NoError(t, a.err)
		require.EqualValues(t, 1, a.index, "the index is never 0")
		d.register("n", nil, &api.Service{Service: "web"})
		require.EqualValues(t, 1, (<-d.ask(t.Context(), "")).index)
		d.register("n", nil, &api.Service{Service: "web", Port: 1})
		a = <-d.ask(t.Context(), "index=1&wait=10s")
		require.EqualValues(t, 2, a.index, "there is something newer")
		require.Zero(t, a.took)
	})
}

func TestLongPollEndsWithItsOwnChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{})
		absent := d.ask(t.Context(), "index=1&wait=1m")
		d.register("n", nil, &api.Service{Service: "other"})
		require.True(t, waiting(absent), "the registration of another service is no news")
		d.register("n", nil, &api.Service{Service: "web"})
		came := <-absent
		require.NoError(t, came.err)
		require.Greater(t, came.index, uint64(1))

		q := "wait=1m&index=" + strconv.FormatUint(came.index, 10)
		present := d.ask(t.Context(), q)
		require.True(t, waiting(present))
		d.register("n", nil, &api.Service{Service: "web"})
		d.register("n", nil, &api.Service{Service: "other", Port: 7})
		require.True(t, waiting(present), "nothing of it has changed")
		require.NoError(t, d.reg.DeregisterCatalog(t.Context(), &api.CatalogDeregistration{Node: "n", ServiceID: "web"}))
		went := <-present
		require.NoError(t, went.err)
		require.Greater(t, went.index, came.index, "the index of what is gone runs on")
	})
}

// A name that nobody has is answered with the index of the last change of any
// service, and that index is no news to who comes back with an older one.
func TestIndexOfAnUnknownName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{})
		d.register("n", nil, nil)
		d.register("n", nil, &api.Service{Service: "other"})
		first := (<-d.ask(t.Context(), "")).index
		require.Equal(t, d.reg.State().Table(store.TableServices).Index, first)
		d.register("n", nil, &api.Service{Service: "other", Port: 7})
		again := d.ask(t.Context(), "wait=16s&index="+strconv.FormatUint(first, 10))
		require.True(t, waiting(again), "another service has changed")
		a := <-again
		require.GreaterOrEqual(t, a.took, 16*time.Second)
		require.Greater(t, a.index, first)

		came := d.ask(t.Context(), "wait=1m&index="+strconv.FormatUint(a.index, 10))
		require.True(t, waiting(came))
		d.register("n", nil, &api.Service{Service: "web"})
		require.Greater(t, (<-came).index, a.index)
	})
}

func TestLongPollLastsAsLongAsItAsks(t *testing.T) {
	for _, c := range []struct {
		name  string
		cfg   Config
		query string
		want  time.Duration
	}{
		{"as asked", Config{}, "wait=16s", 16 * time.Second},
		{"not said", Config{}, "", 5 * time.Minute},
		{"not said, configured", Config{DefaultWait: 32 * time.Second}, "", 32 * time.Second},
		{"nothing", Config{DefaultWait: time.Minute}, "wait=0s", time.Minute},
		{"less than nothing", Config{DefaultWait: time.Minute}, "wait=-5s", time.Minute},
		{"too long", Config{}, "wait=11h", 10 * time.Minute},
		{"too long, configured", Config{MaxWait: 20 * time.Second}, "wait=1m", 20 * time.Second},
		{"too short to spread", Config{}, "wait=8ns", 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := open(t, c.cfg)
				a := <-d.ask(t.Context(), "index=5&"+c.query)
				require.NoError(t, a.err)
				require.GreaterOrEqual(t, a.took, c.want)
				require.LessOrEqual(t, a.took, c.want+c.want/16)
			})
		})
	}
}

func TestLongPollsThatCameTogetherAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{})
		var all []<-chan answer
		for range 32 {
			all = append(all, d.ask(t.Context(), "index=1&wait=16s"))
		}
		ends := map[time.Duration]bool{}
		for _, done := range all {
			ends[(<-done).took] = true
		}
		require.Greater(t, len(ends), 16)
	})
}

// TestLongPollAsksAgainAtItsEnd is about a server that lost its leader while a
// read waited: what it knows is not to be given as fresh.
func TestLongPollAsksAgainAtItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{})
		done := d.ask(t.Context(), "index=1&wait=16s")
		synctest.Wait()
		n, _ := d.cons.reads()
		require.Equal(t, 1, n)
		d.cons.fail(api.E(api.NoLeader, "No cluster leader"))
		require.ErrorIs(t, (<-done).err, api.NoLeader)
		n, _ = d.cons.reads()
		require.Equal(t, 1, n)

		a := <-d.ask(t.Context(), "index=1&wait=16s&stale")
		require.NoError(t, a.err, "?stale asks nobody")
		require.False(t, a.meta.known)
		n, _ = d.cons.reads()
		require.Zero(t, n)
	})
}

func TestLongPollEndsWithItsClientAndItsServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		mine, other := d.ask(ctx, "index=1"), d.ask(t.Context(), "index=1")
		require.True(t, waiting(mine))
		cancel()
		require.ErrorIs(t, (<-mine).err, context.Canceled)
		require.True(t, waiting(other))
		d.Close()
		require.ErrorIs(t, (<-other).err, api.Unavailable)
	})
}

// TestWatchThatFiresWithoutNews looks again and waits on: what is absent may be
// told of changes that are none.
func TestWatchThatFiresWithoutNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{})
		ch := make(chan struct{})
		looks := 0
		q := parsed(t, "index=3&wait=1m")
		done := make(chan answer, 1)
		go func() {
			rep, err := d.read(q, plainRead, func(*store.State) (look, error) {
				if looks++; looks > 2 {
					return look{index: 4}, nil
				}
				if looks == 2 {
					ch = make(chan struct{})
				}
				return look{index: 3, absent: ch}, nil
			})
			done <- answer{err: err, meta: rep.meta}
		}()
		require.True(t, waiting(done))
		close(ch)
		require.True(t, waiting(done))
		require.Equal(t, 2, looks)
		close(ch)
		a := <-done
		require.NoError(t, a.err)
		require.EqualValues(t, 4, a.meta.index)
	})
}

// A client that was told index 0 would ask again without waiting, for ever.
func TestIndexIsNeverZero(t *testing.T) {
	d := open(t, Config{})
	rep, err := d.read(parsed(t, ""), plainRead, func(*store.State) (look, error) { return look{}, nil })
	require.NoError(t, err)
	require.EqualValues(t, 1, rep.meta.index)
	rep, err = d.read(parsed(t, ""), readMode{quiet: true}, func(*store.State) (look, error) { return look{}, nil })
	require.NoError(t, err)
	require.Nil(t, rep.meta)
}

func TestConsistencyOfReads(t *testing.T) {
	for _, c := range []struct {
		query     string
		staleness time.Duration
		asks      int
		as        raft.Consistency
		says      string
		lastMS    int64
	}{
		{"", time.Minute, 1, raft.Default, "leader", 0},
		{"consistent", 0, 1, raft.Consistent, "consistent", 0},
		{"stale", 7 * time.Millisecond, 0, 0, "stale", 7},
		{"leader", 0, 1, raft.Default, "leader", 0},
		{"max_stale=5s", 4 * time.Second, 0, 0, "stale", 4000},
		{"max_stale=5s", 6 * time.Second, 1, raft.Default, "stale", 6000},
	} {
		d := open(t, Config{})
		d.cons.staleness = c.staleness
		a := <-d.ask(t.Context(), c.query)
		require.NoError(t, a.err, c.query)
		n, as := d.cons.reads()
		require.Equal(t, c.asks, n, c.query)
		require.Equal(t, c.as, as, c.query)
		require.Equal(t, c.says, a.meta.consistency, c.query)
		require.Equal(t, c.lastMS, a.meta.lastContact, c.query)
	}
	d := open(t, Config{})
	require.ErrorIs(t, (<-d.ask(t.Context(), "dc=mars")).err, api.UnknownDC)
	require.NoError(t, (<-d.ask(t.Context(), "dc=dc1")).err)
}
