package balance

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// try sends n requests, of which those to instances that broken names fail with
// its error, and returns how often each was picked.
func try(t *testing.T, b *Balancer, n int, broken map[string]error) map[string]int {
	got := map[string]int{}
	for range n {
		in, done, err := b.Pick(t.Context())
		require.NoError(t, err)
		got[in.ID()]++
		done.Report(broken[in.ID()])
	}
	return got
}

// TestReaction breaks one instance of ten under each policy and counts the
// requests that it costs until the instance is out.
func TestReaction(t *testing.T) {
	failure := errors.New("internal error")
	for _, c := range []struct {
		name string
		err  error
		cost int
	}{
		{"connection refused", errRefused, 1},
		{"failures", failure, 5},
	} {
		for _, p := range Policies() {
			t.Run(c.name+"/"+p.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					b := openOn(t, newFakeRegistry(entries(10)...), WithPolicy(p))
					try(t, b, 100, nil)
					broken := map[string]error{"0004": c.err}
					require.Equal(t, c.cost, try(t, b, 500, broken)["0004"])

					// Tried again after a second, then two, four, eight.
					cost := 0
					for range 50 {
						time.Sleep(300 * time.Millisecond)
						cost += try(t, b, 100, broken)["0004"]
					}
					require.Equal(t, 3, cost)

					// In order again: it takes its part within the longest ejection.
					time.Sleep(16 * time.Second)
					require.Greater(t, try(t, b, 500, nil)["0004"], 10)
				})
			})
		}
	}
}

func TestRegistryEndsEjection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFakeRegistry(entry("a"), entry("b"), entry("c"))
		b := openOn(t, r, WithEjection(Ejection{Base: time.Hour, Max: time.Hour}))
		try(t, b, 10, map[string]error{"a": errRefused})
		require.Zero(t, try(t, b, 30, nil)["a"])
		r.set(entry("a", status(api.Critical)), entry("b"), entry("c"))
		synctest.Wait()
		require.Zero(t, try(t, b, 30, nil)["a"])
		r.set(entry("a"), entry("b"), entry("c"))
		synctest.Wait()
		require.Equal(t, 10, try(t, b, 30, nil)["a"], "the check passes again")
	})
}

func TestEjectionLimit(t *testing.T) {
	all := map[string]error{"0000": errRefused, "0001": errRefused, "0002": errRefused, "0003": errRefused, "0004": errRefused}
	for _, c := range []struct {
		name  string
		share float64
		list  []*api.Entry
		want  int
	}{
		{"half", 0.5, entries(5), 3},
		{"a fifth", 0.2, entries(5), 1},
		{"all but one", 1, entries(5), 4},
		{"never", -1, entries(5), 0},
		{"never the only one", 1, entries(1), 0},
		{"never the last fit one", 1, []*api.Entry{entry("0000"), entry("0001"), entry("0002", status(api.Critical))}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := openOn(t, newFakeRegistry(c.list...), WithEjection(Ejection{MaxShare: c.share, Base: time.Hour}), WithPanicThreshold(0))
				try(t, b, 100, all)
				out := 0
				for _, in := range b.Status().Instances {
					if in.EjectedFor > 0 {
						out++
					}
				}
				require.Equal(t, c.want, out)
			})
		})
	}
}

// All but one are out when that one breaks: a request that it failed must find
// those that are in order again.
func TestEjectedOnesAreTheLastResort(t *testing.T) {
	for _, p := range Policies() {
		b := openOn(t, newFakeRegistry(entries(3)...), WithPolicy(p), WithEjection(Ejection{Base: time.Hour}))
		try(t, b, 100, map[string]error{"0000": errRefused, "0001": errRefused})
		require.Equal(t, map[string]int{"0002": 50}, counts(t, b, 50), p)
		var tried []Instance
		for range 3 {
			in, done, err := b.PickExcept(t.Context(), func(i Instance) bool { return slices.Contains(tried, i) })
			require.NoError(t, err)
			require.NotContains(t, tried, in)
			require.Equal(t, 1, in.Outstanding())
			tried = append(tried, in)
			done.Report(errRefused)
		}
		for _, e := range b.listed {
			require.Zero(t, e.outstanding.Load())
			require.Zero(t, e.inflight)
		}
	}
}

func TestSuccessRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var why atomic.Value
		hook := Hook{Ejected: func(in Instance, r Reason, _ time.Duration) { why.Store(in.ID() + ": " + string(r)) }}
		b := openOn(t, newFakeRegistry(entries(10)...), WithEjection(Ejection{Consecutive: -1}), WithHook(hook))
		// All fail now and then, one fails every second time.
		n := map[string]int{}
		for range 2000 {
			in, done, err := b.Pick(t.Context())
			require.NoError(t, err)
			n[in.ID()]++
			k := n[in.ID()]
			if k%50 == 0 || in.ID() == "0007" && k%2 == 0 {
				done.Report(errors.New("failed"))
			} else {
				done.Report(nil)
			}
		}
		require.Nil(t, why.Load(), "an interval has to pass first")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, "0007: success rate", why.Load())
		require.Zero(t, counts(t, b, 100)["0007"])
	})
}

func TestEqualSuccessRatesEjectNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := openOn(t, newFakeRegistry(entries(10)...), WithEjection(Ejection{Consecutive: -1}))
		for i := range 4000 {
			_, done, err := b.Pick(t.Context())
			require.NoError(t, err)
			if i%103 == 0 {
				done.Report(errors.New("failed"))
			} else {
				done.Report(nil)
			}
		}
		time.Sleep(11 * time.Second)
		require.Len(t, counts(t, b, 100), 10)
	})
}

func TestSlowStart(t *testing.T) {
	for _, p := range Policies() {
		t.Run(p.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newFakeRegistry(entries(9)...)
				b := openOn(t, r, WithPolicy(p), WithSlowStart(20*time.Second))
				require.InDelta(t, 1000, mean(counts(t, b, 9000)), 1)
				r.set(entries(10)...)
				synctest.Wait()
				var got []int
				for range 6 {
					got = append(got, counts(t, b, 10_000)["0009"])
					time.Sleep(5 * time.Second)
				}
				t.Log(got)
				require.Less(t, got[0], 300, "cold: a tenth of its share of 1000")
				require.Greater(t, got[0], 20)
				require.Greater(t, got[2], got[0])
				require.Greater(t, got[5], got[2])
				require.Greater(t, got[5], 500, "warm")
			})
		})
	}
}

func mean(m map[string]int) float64 {
	n := 0
	for _, k := range m {
		n += k
	}
	return float64(n) / float64(len(m))
}
