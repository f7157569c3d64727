package balance

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestPickWaitsForTheFirstAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFakeRegistry(entry("a"))
		r.fail(errAway)
		b := openOn(t, r)
		start := time.Now()
		_, _, err := b.Pick(t.Context())
		require.ErrorIs(t, err, api.Unavailable)
		require.Contains(t, err.Error(), "no server can be reached")
		require.Equal(t, firstAnswer, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _, err = b.Pick(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		time.AfterFunc(time.Second, func() { r.fail(nil) })
		in, done, err := b.Pick(t.Context())
		require.NoError(t, err)
		require.Equal(t, "a", in.ID())
		require.Equal(t, "host-a:80", in.Addr())
		done.Report(nil)
	})
}

func TestListStandsWhileTheRegistryIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFakeRegistry(entries(3)...)
		b := openOn(t, r)
		counts(t, b, 1)
		time.Sleep(10 * time.Minute)
		s := b.Status()
		require.Zero(t, s.Age, "the watch stands, so the list is true")
		require.Empty(t, s.Err)

		r.fail(errAway)
		time.Sleep(time.Hour)
		s = b.Status()
		require.GreaterOrEqual(t, s.Age, time.Hour)
		require.Less(t, s.Age, time.Hour+2*time.Minute)
		require.NotEmpty(t, s.Err)
		require.Len(t, counts(t, b, 30), 3)

		// The same list again is no change, and yet ends that state.
		r.fail(nil)
		time.Sleep(3 * time.Second)
		s = b.Status()
		require.Zero(t, s.Age)
		require.Empty(t, s.Err)
	})
}

func TestOneWatchForAllBalancers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFakeRegistry(entries(3)...)
		d := newDirectory(r)
		var list []*Balancer
		for _, p := range Policies() {
			b, err := d.Open("web", WithPolicy(p))
			require.NoError(t, err)
			list = append(list, b)
			counts(t, b, 1)
		}
		synctest.Wait()
		require.Equal(t, 1, r.waiting)
		other, err := d.Open("web", WithQuery(api.QueryOptions{Tags: []string{"x"}}))
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, 2, r.waiting, "another question needs a poll of its own")
		require.NoError(t, other.Close())
		require.Equal(t, 1, r.waiting)

		r.set(entry("new"))
		synctest.Wait()
		for _, b := range list {
			require.Equal(t, map[string]int{"new": 5}, counts(t, b, 5))
			require.NoError(t, b.Close())
			require.NoError(t, b.Close(), "a second call is harmless")
		}
		require.Zero(t, r.waiting)
		require.Empty(t, d.feeds)

		again, err := d.Open("web")
		require.NoError(t, err)
		require.Equal(t, map[string]int{"new": 1}, counts(t, again, 1))
		require.NoError(t, again.Close())
	})
}

func TestWhoIsUsed(t *testing.T) {
	warning := func(w int) func(*api.Entry) {
		return func(x *api.Entry) {
			x.Checks[0].Status = api.Warning
			x.Service.Weights = &api.Weights{Passing: 1, Warning: w}
		}
	}
	maintenance := func(x *api.Entry) {
		x.Checks = append(x.Checks, &api.Check{CheckID: api.NodeMaintenance, Status: api.Critical})
	}
	for _, c := range []struct {
		name string
		opts []Option
		list []*api.Entry
		want []string
	}{
		{"passing", nil, []*api.Entry{entry("a"), entry("b", status(api.Critical))}, []string{"a"}},
		{"warning", nil, []*api.Entry{entry("a"), entry("b", warning(1))}, []string{"a", "b"}},
		{"warning without weight", nil, []*api.Entry{entry("a"), entry("b", warning(0))}, []string{"a"}},
		{"passing only", []Option{WithPassingOnly()}, []*api.Entry{entry("a"), entry("b", warning(1))}, []string{"a"}},
		{"weight 0", nil, []*api.Entry{entry("a"), entry("b", weight(0))}, []string{"a"}},
		{"above the threshold", nil, []*api.Entry{entry("a"), entry("b", status(api.Critical)), entry("c", status(api.Critical)), entry("d", status(api.Critical))}, []string{"a"}},
		{"panic", []Option{WithPanicThreshold(0.5)}, []*api.Entry{entry("a"), entry("b", status(api.Critical)), entry("c", status(api.Critical))}, []string{"a", "b", "c"}},
		{"panic with none", nil, []*api.Entry{entry("b", status(api.Critical))}, []string{"b"}},
		{"no panic with none", []Option{WithPanicThreshold(0)}, []*api.Entry{entry("b", status(api.Critical))}, nil},
		{"maintenance, even in panic", nil, []*api.Entry{entry("a", maintenance)}, nil},
		{"nothing listed", nil, nil, nil},
		{"one address twice", nil, []*api.Entry{entry("a", status(api.Critical)), entry("b"), entry("a2", at("a"))}, []string{"a2", "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, p := range Policies() {
				b := openOn(t, newFakeRegistry(c.list...), append(c.opts, WithPolicy(p))...)
				if c.want == nil {
					_, _, err := b.Pick(t.Context())
					require.ErrorIs(t, err, api.Unavailable)
					continue
				}
				got := counts(t, b, 200)
				var ids []string
				for id := range got {
					ids = append(ids, id)
				}
				slices.Sort(ids)
				require.Equal(t, c.want, ids, p)
			}
		})
	}
}

func TestPickExcept(t *testing.T) {
	for _, p := range Policies() {
		t.Run(p.String(), func(t *testing.T) {
			b := openOn(t, newFakeRegistry(entries(5)...), WithPolicy(p))
			var tried []Instance
			for range 5 {
				in, _, err := b.PickExcept(t.Context(), func(i Instance) bool { return slices.Contains(tried, i) })
				require.NoError(t, err)
				require.NotContains(t, tried, in)
				tried = append(tried, in)
			}
			_, _, err := b.PickExcept(t.Context(), func(Instance) bool { return true })
			require.ErrorIs(t, err, api.Unavailable)
			for _, in := range tried {
				require.Equal(t, 1, in.Outstanding())
			}
		})
	}
}

func TestInstancesTellsOfChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFakeRegistry(entry("a"), entry("b"))
		b := openOn(t, r)
		counts(t, b, 1)
		list, changed := b.Instances()
		require.Len(t, list, 2)
		for range 10 {
			in, done, err := b.Pick(t.Context())
			require.NoError(t, err)
			if in.ID() == "a" {
				done.Report(errRefused)
			} else {
				done.Report(nil)
			}
		}
		select {
		case <-changed:
			t.Fatal("an ejection is no change of the list")
		default:
		}
		r.set(entry("a"))
		<-changed
		list, _ = b.Instances()
		require.Len(t, list, 1)
	})
}

func TestOptionsAreChecked(t *testing.T) {
	for name, opts := range map[string][]Option{
		"policy":      {WithPolicy(Policy{})},
		"panic":       {WithPanicThreshold(1.5)},
		"slow start":  {WithSlowStart(-1)},
		"ejection":    {WithEjection(Ejection{MaxShare: 2})},
		"base":        {WithEjection(Ejection{Base: -1})},
		"subset":      {WithSubset(Subset{Size: 3})},
		"subset peer": {WithSubset(Subset{Size: 3, Peer: 3, Peers: 3})},
	} {
		_, err := newDirectory(newFakeRegistry()).Open("web", opts...)
		require.ErrorIs(t, err, api.Invalid, name)
	}
	_, err := newDirectory(newFakeRegistry()).Open("")
	require.ErrorIs(t, err, api.Invalid)
	_, err = ParsePolicy("best")
	require.ErrorIs(t, err, api.Invalid)
	for _, p := range Policies() {
		q, err := ParsePolicy(p.String())
		require.NoError(t, err)
		require.Equal(t, p.String(), q.String())
	}
}
