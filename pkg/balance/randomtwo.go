package balance

import (
	"math/rand/v2"
	"sync/atomic"
)

// RandomTwo draws two instances at random, in proportion to their registered
// weights, and takes the one with fewer outstanding requests for its weight.
// It comes close to LeastRequests without a lock, and many clients that use it
// do not all run to the same instance.
func RandomTwo() Policy {
	return Policy{name: "random-two", open: func() picker { return &randomTwo{} }}
}

type randomTwo struct {
	urn atomic.Pointer[urn]
}

// urn holds candidates to be drawn by share in constant time (Vose's alias
// method): a draw hits a column, and within it either its own candidate or its
// alias.
type urn struct {
	list  []*endpoint
	rate  []float64 // one over the share, relative to the mean share
	keep  []uint32  // chance of the own candidate, out of whole; nil if all shares are equal
	alias []uint32
}

func (r *randomTwo) update(list []candidate) { r.urn.Store(newUrn(list)) }

func (r *randomTwo) pick(q query) *endpoint {
	u := r.urn.Load()
	if u == nil || len(u.list) == 0 {
		return nil
	}
	if len(u.list) == 1 {
		return anyFrom(u.list, 0, q)
	}
	i := u.draw()
	j := u.draw()
	for k := 0; i == j && k < 3; k++ {
		j = u.draw()
	}
	a, b := u.list[i], u.list[j]
	if q.skip != nil {
		switch sa, sb := a.skipped(q), b.skipped(q); {
		case sa && sb:
			return anyFrom(u.list, rand.IntN(len(u.list)), q)
		case sa:
			i, a = j, b
		case sb:
			j, b = i, a
		}
	}
	if float64(b.outstanding.Load())*u.rate[j] < float64(a.outstanding.Load())*u.rate[i] {
		a = b
	}
	a.outstanding.Add(1)
	return a
}

func (r *randomTwo) take(e *endpoint) { e.outstanding.Add(1) }

func (r *randomTwo) done(*endpoint) {}

func newUrn(list []candidate) *urn {
	n := len(list)
	u := &urn{list: ends(list), rate: make([]float64, n)}
	sum := 0.0
	for _, c := range list {
		sum += shareOf(c)
	}
	left := make([]float64, n) // relative share not yet given a place
	for i, c := range list {
		left[i] = shareOf(c) / sum * float64(n)
		u.rate[i] = 1 / left[i]
	}
	if even(list, shareOf) {
		return u
	}
	u.keep, u.alias = make([]uint32, n), make([]uint32, n)
	var small, large []int
	for i := range left {
		if left[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
		u.keep[i], u.alias[i] = whole, uint32(i)
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		u.keep[s], u.alias[s] = uint32(left[s]*whole), uint32(l)
		left[l] -= 1 - left[s]
		if left[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	return u
}

// draw returns the index of a random candidate.
func (u *urn) draw() int {
	x := rand.Uint64()
	i := int((x >> 32) * uint64(len(u.list)) >> 32)
	if u.keep != nil && uint32(x%whole) >= u.keep[i] {
		i = int(u.alias[i])
	}
	return i
}
