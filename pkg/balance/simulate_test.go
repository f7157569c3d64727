package balance

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// sim drives a balancer with requests whose arrival and length are events in
// simulated time: requests come at random, rate a second on average, and each
// takes a random time around what its instance needs.
type sim struct {
	b      *Balancer
	rng    *rand.Rand
	rate   float64
	length func(id string) float64 // mean, in seconds

	now    float64
	events simEvents
	picked map[string]int
	most   map[string]int64 // outstanding at the same time
	wait   float64          // sum of the lengths of all requests
}

// simEvent is the end of a request.
type simEvent struct {
	at   float64
	done Done
}

type simEvents []simEvent

func (s simEvents) Len() int           { return len(s) }
func (s simEvents) Less(i, j int) bool { return s[i].at < s[j].at }
func (s simEvents) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *simEvents) Push(x any)        { *s = append(*s, x.(simEvent)) }
func (s *simEvents) Pop() any {
	old := *s
	x := old[len(old)-1]
	*s = old[:len(old)-1]
	return x
}

// run sends n requests.
func (s *sim) run(t testing.TB, n int) {
	s.picked, s.most = map[string]int{}, map[string]int64{}
	for range n {
		s.now += s.rng.ExpFloat64() / s.rate
		for len(s.events) > 0 && s.events[0].at <= s.now {
			heap.Pop(&s.events).(simEvent).done.Report(nil)
		}
		in, done, err := s.b.Pick(WithKey(t.Context(), strconv.FormatUint(s.rng.Uint64(), 36)))
		require.NoError(t, err)
		s.picked[in.ID()]++
		s.most[in.ID()] = max(s.most[in.ID()], in.e.outstanding.Load())
		length := s.length(in.ID()) * (0.5 + s.rng.Float64())
		s.wait += length
		heap.Push(&s.events, simEvent{s.now + length, done})
	}
	for len(s.events) > 0 {
		heap.Pop(&s.events).(simEvent).done.Report(nil)
	}
}

func newSim(t testing.TB, b *Balancer, rate float64, length func(string) float64) *sim {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return &sim{b: b, rng: rand.New(rand.NewPCG(seed, 1)), rate: rate, length: length}
}

// chiSquare compares counts with expected shares. It returns how many standard
// deviations the statistic lies above what pure chance gives: a fair draw stays
// below 5 but for one run in a million.
func chiSquare(picked map[string]int, share map[string]float64) float64 {
	n, sum := 0, 0.0
	for _, k := range picked {
		n += k
	}
	for id, s := range share {
		want := s * float64(n)
		sum += (float64(picked[id]) - want) * (float64(picked[id]) - want) / want
	}
	free := float64(len(share) - 1)
	return (sum - free) / math.Sqrt(2*free)
}

// TestEvenness has each policy share out requests among instances with weights
// and compares the counts with the shares.
func TestEvenness(t *testing.T) {
	const n, requests = 40, 40_000
	weights := make(map[string]float64)
	list := entries(n)
	sum := 0.0
	for i, x := range list {
		w := 1 + i%4
		weight(w)(x)
		weights[x.Service.ID] = float64(w)
		sum += float64(w)
	}
	equal, byWeight := map[string]float64{}, map[string]float64{}
	for id, w := range weights {
		equal[id], byWeight[id] = 1.0/n, w/sum
	}
	for _, c := range []struct {
		policy Policy
		share  map[string]float64
		within float64 // largest deviation of a share, relative
		chi    float64 // bound of chiSquare; 0: not a random draw of this kind
	}{
		{RoundRobin(), equal, 0.002, 5},
		{Weighted(), byWeight, 0.005, 5},
		{RandomTwo(), byWeight, 0.2, 0},
		// Weights of 1 to 4 leave coarse steps: a light instance is either idle or
		// full.
		{LeastRequests(), byWeight, 0.35, 0},
		// Where the places of the ring fell decides, and the bound corrects it.
		{ConsistentHash(0), byWeight, 0.6, 0},
	} {
		t.Run(c.policy.String(), func(t *testing.T) {
			b := openOn(t, newFakeRegistry(list...), WithPolicy(c.policy))
			// 400 requests a second of 0.25 s: 100 outstanding, one for each unit
			// of weight.
			s := newSim(t, b, 400, func(string) float64 { return 0.25 })
			s.run(t, requests)
			for id, share := range c.share {
				got := float64(s.picked[id]) / requests
				require.InEpsilon(t, share, got, c.within, "instance %s of weight %v", id, weights[id])
			}
			if c.chi > 0 {
				require.Less(t, chiSquare(s.picked, c.share), c.chi)
			}
			for _, e := range b.listed {
				require.Zero(t, e.outstanding.Load())
			}
		})
	}
}

// A draw by share is exact: without load, random-two's first draw wins ties, so
// that chi-square applies.
func TestDrawFollowsShares(t *testing.T) {
	list := make([]candidate, 50)
	share := map[string]float64{}
	sum := 0.0
	for i := range list {
		list[i] = candidate{e: &endpoint{}, weight: float64(1 + i*i), ramp: 1}
		sum += list[i].weight
	}
	u := newUrn(list)
	picked := map[string]int{}
	for range 200_000 {
		picked[strconv.Itoa(u.draw())]++
	}
	for i, c := range list {
		share[strconv.Itoa(i)] = c.weight / sum
	}
	require.Less(t, chiSquare(picked, share), 6.0)
}

// Smooth weighted round robin must not send bursts: between two turns of an
// instance lie about as many requests as its share says.
func TestWeightedIsSmooth(t *testing.T) {
	b := openOn(t, newFakeRegistry(entry("a", weight(5)), entry("b", weight(1)), entry("c", weight(1))), WithPolicy(Weighted()))
	counts(t, b, 7)
	last, run, most := "", 0, 0
	got := map[string]int{}
	for range 7000 {
		in, done, err := b.Pick(t.Context())
		require.NoError(t, err)
		done.Report(nil)
		got[in.ID()]++
		if in.ID() == last {
			run++
		} else {
			last, run = in.ID(), 1
		}
		most = max(most, run)
	}
	require.LessOrEqual(t, most, 5)
	require.InDelta(t, 5000, got["a"], 1)
	require.InDelta(t, 1000, got["b"], 1)
}

// TestSlowInstance has one instance of ten take twenty times as long: policies
// that look at the load give it less, the others pile requests up on it.
func TestSlowInstance(t *testing.T) {
	slow := func(id string) float64 {
		if id == "0003" {
			return 1
		}
		return 0.05
	}
	most := map[string]int64{}
	mean := map[string]float64{}
	for _, p := range Policies() {
		b := openOn(t, newFakeRegistry(entries(10)...), WithPolicy(p))
		s := newSim(t, b, 300, slow)
		s.run(t, 20_000)
		most[p.String()] = s.most["0003"]
		mean[p.String()] = s.wait / 20_000
	}
	t.Logf("most outstanding %v, mean length %v", most, mean)
	require.Greater(t, most["round-robin"], int64(15))
	for _, p := range []Policy{LeastRequests(), RandomTwo()} {
		require.Less(t, most[p.String()], int64(12), p)
		require.Less(t, mean[p.String()], 0.8*mean["round-robin"], p)
	}
	require.Less(t, most["hash"], most["round-robin"], "the load is bounded")
}
