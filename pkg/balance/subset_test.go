package balance

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestArcsCoverEvenly adds up the shares that all peers give: every instance
// must get the same, and nobody uses fewer than asked for.
func TestArcsCoverEvenly(t *testing.T) {
	for _, c := range []struct{ instances, peers, size int }{
		{10, 3, 4}, {100, 7, 10}, {97, 31, 5}, {5, 50, 2}, {1000, 13, 20}, {12, 12, 1},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			list := make([]candidate, c.instances)
			for i := range list {
				list[i] = candidate{e: &endpoint{hash: hashString(fmt.Sprint(i))}, weight: 1, ramp: 1}
			}
			load := map[*endpoint]float64{}
			for peer := range c.peers {
				part := Subset{Size: c.size, Peer: peer, Peers: c.peers}.choose(list)
				require.GreaterOrEqual(t, len(part), c.size)
				require.LessOrEqual(t, len(part), c.size+c.instances/c.peers+2)
				sum := 0.0
				seen := map[*endpoint]bool{}
				for _, k := range part {
					require.False(t, seen[k.e])
					seen[k.e] = true
					sum += k.ramp
				}
				for _, k := range part {
					load[k.e] += k.ramp / sum
				}
			}
			for _, k := range list {
				require.InDelta(t, float64(c.peers)/float64(c.instances), load[k.e], 1e-9)
			}
		})
	}
}

// Ranked subsets are even on average, and one instance more or less changes at
// most one member.
func TestRankedSubsets(t *testing.T) {
	list := make([]candidate, 100)
	for i := range list {
		list[i] = candidate{e: &endpoint{hash: hashString(fmt.Sprint(i))}, weight: 1, ramp: 1}
	}
	load := map[*endpoint]int{}
	for peer := range 1000 {
		s := Subset{Size: 10, Key: fmt.Sprint("peer", peer)}
		before := s.choose(list)
		require.Len(t, before, 10)
		require.Equal(t, before, s.choose(list))
		for _, k := range before {
			load[k.e]++
		}
		kept := 0
		after := map[*endpoint]bool{}
		for _, k := range s.choose(list[1:]) {
			after[k.e] = true
		}
		for _, k := range before {
			if after[k.e] {
				kept++
			}
		}
		require.GreaterOrEqual(t, kept, 9)
	}
	for _, k := range list {
		require.InDelta(t, 100, load[k.e], 50) // five standard deviations
	}
}

func TestSubsetIsUsed(t *testing.T) {
	for _, p := range Policies() {
		r := newFakeRegistry(entries(100)...)
		b := openOn(t, r, WithPolicy(p), WithSubset(Subset{Size: 7, Key: "me"}))
		require.Len(t, counts(t, b, 3000), 7, p)
		list, _ := b.Instances()
		require.Len(t, list, 7)

		b = openOn(t, r, WithPolicy(p), WithSubset(Subset{Size: 7, Peer: 2, Peers: 10}))
		require.Len(t, counts(t, b, 3000), 10, p)
	}
}
