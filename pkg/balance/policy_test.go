package balance

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// Whatever happens, in whatever order, counts of outstanding requests return to
// zero, no instance is handed out that is not listed, and least requests never
// picks one that has more than another for its weight.
func TestPoliciesKeepTheirBooks(t *testing.T) {
	for _, p := range Policies() {
		t.Run(p.String(), func(t *testing.T) {
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			rng := rand.New(rand.NewPCG(seed, 2))
			b := openOn(t, newFakeRegistry(entries(5)...), WithPolicy(p), WithEjection(Ejection{Consecutive: 1 << 30}))
			counts(t, b, 1)
			var flight []Done
			seen := map[*endpoint]bool{}
			for range 5000 {
				switch k := rng.IntN(100); {
				case k < 2:
					var list []*api.Entry
					for i := range 30 {
						if rng.IntN(2) == 0 {
							list = append(list, entry(fmt.Sprint(i), weight(1+rng.IntN(3))))
						}
					}
					b.apply(list)
				case k < 50 && len(flight) > 0:
					i := rng.IntN(len(flight))
					flight[i].Report(nil)
					flight = append(flight[:i], flight[i+1:]...)
				default:
					least := math.Inf(1)
					for _, e := range b.listed {
						least = min(least, float64(e.outstanding.Load())/e.weight)
					}
					in, done, err := b.Pick(t.Context())
					if len(b.listed) == 0 {
						require.ErrorIs(t, err, api.Unavailable)
						continue
					}
					require.NoError(t, err)
					require.Contains(t, b.listed, in.e)
					if p.String() == "least-requests" {
						require.InDelta(t, least, float64(in.Outstanding()-1)/in.e.weight, 1e-9)
					}
					seen[in.e] = true
					flight = append(flight, done)
				}
			}
			for _, d := range flight {
				d.Report(nil)
			}
			for e := range seen {
				require.Zero(t, e.outstanding.Load())
				require.Zero(t, e.inflight)
			}
		})
	}
}

func TestConcurrentUse(t *testing.T) {
	for _, p := range Policies() {
		t.Run(p.String(), func(t *testing.T) {
			b := openOn(t, newFakeRegistry(entries(20)...), WithPolicy(p), WithZone(Zone{Name: "a", SpillAt: 1}))
			counts(t, b, 1)
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					for i := range 300 {
						in, done, err := b.Pick(t.Context())
						if err != nil {
							continue
						}
						switch {
						case in.ID() == "0003":
							done.Report(errRefused)
						case i%7 == g:
							done.Report(fmt.Errorf("failed"))
						default:
							done.Report(nil)
						}
						if i%50 == 0 {
							b.Status()
							b.Instances()
						}
					}
				})
			}
			wg.Go(func() {
				for i := range 30 {
					list := entries(10 + i%20)
					for _, x := range list[:i%10] {
						inZone("a")(x)
					}
					b.apply(list)
				}
			})
			wg.Wait()
			for _, e := range b.listed {
				require.Zero(t, e.outstanding.Load())
			}
		})
	}
}

func TestPickDoesNotAllocate(t *testing.T) {
	for _, p := range Policies() {
		b := openOn(t, newFakeRegistry(entries(1000)...), WithPolicy(p))
		ctx := WithKey(t.Context(), "k")
		_, done, err := b.Pick(ctx)
		require.NoError(t, err)
		done.Report(nil)
		require.Zero(t, testing.AllocsPerRun(100, func() {
			_, done, _ := b.Pick(ctx)
			done.Report(nil)
		}), p)
	}
}

// A share of the keys moves when an instance comes or goes, and no other.
func TestHashMovesFewKeys(t *testing.T) {
	const keys = 5000
	all := entries(20)
	b := openOn(t, newFakeRegistry(all...), WithPolicy(ConsistentHash(math.Inf(1))))
	where := func() map[string]string {
		m := map[string]string{}
		for i := range keys {
			k := fmt.Sprint("key", i)
			in, done, err := b.Pick(WithKey(t.Context(), k))
			require.NoError(t, err)
			m[k] = in.ID()
			done.Report(nil)
		}
		return m
	}
	before := where()
	require.Equal(t, before, where(), "equal keys go to the same place")

	b.apply(all[:19])
	moved := 0
	for k, id := range where() {
		if id != before[k] {
			moved++
			require.Equal(t, "0019", before[k], "only keys of the one that went may move")
		}
	}
	require.InDelta(t, keys/20, moved, keys/40)
	b.apply(all)
	require.Equal(t, before, where(), "they return with it")
}

// One key must not take an instance beyond its bound.
func TestHashBoundsLoad(t *testing.T) {
	b := openOn(t, newFakeRegistry(entries(10)...), WithPolicy(ConsistentHash(1.25)))
	ctx := WithKey(t.Context(), "popular")
	got := map[string]int{}
	for range 1000 {
		in, _, err := b.Pick(ctx)
		require.NoError(t, err)
		got[in.ID()]++
	}
	require.Greater(t, len(got), 7)
	for id, n := range got {
		require.LessOrEqual(t, n, 126, id)
	}
}
