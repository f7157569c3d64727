package balance

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
)

// points is how many places on the ring the heaviest instance has. With 64 the
// shares of equal instances differ by about an eighth.
const points = 64

// ConsistentHash sends requests with equal keys (see WithKey) to the same
// instance, in proportion to the registered weights; when instances come or
// go, only the keys of those move. An instance that has more than bound times
// its share of all outstanding requests is passed over for the next on the
// ring, so that a popular key cannot crush it. Bound must be above 1; 0 means
// 1.25, and a very large one switches the limit off.
func ConsistentHash(bound float64) Policy {
	if bound <= 1 {
		bound = 1.25
	}
	return Policy{name: "hash", keyed: true, open: func() picker { return &hashRing{bound: bound} }}
}

type hashRing struct {
	bound float64
	total atomic.Int64 // outstanding requests of all
	ring  atomic.Pointer[ring]
}

// ring is the places of all candidates, in order.
type ring struct {
	places []place
	count  map[*endpoint]int // how many places each has
}

// place is a point of the ring: keys up to it, from the place before, belong
// to the endpoint.
type place struct {
	at    uint64
	e     *endpoint
	share float64 // of the endpoint among all
}

func (h *hashRing) update(list []candidate) { h.ring.Store(h.ring.Load().next(list)) }

func (h *hashRing) pick(q query) *endpoint {
	r := h.ring.Load()
	if r == nil || len(r.places) == 0 {
		return nil
	}
	first, _ := slices.BinarySearchFunc(r.places, q.hash, func(p place, at uint64) int { return cmp.Compare(p.at, at) })
	limit := h.bound * float64(h.total.Add(1))
	var last *endpoint
	for k := range r.places {
		p := &r.places[(first+k)%len(r.places)]
		if p.e == last || p.e.skipped(q) {
			continue
		}
		last = p.e
		if n := p.e.outstanding.Add(1); float64(n) <= math.Ceil(limit*p.share) {
			return p.e
		}
		p.e.outstanding.Add(-1)
	}
	// Others took the room in the meantime, or all with room are passed over.
	if last == nil {
		h.total.Add(-1)
		return nil
	}
	last.outstanding.Add(1)
	return last
}

func (h *hashRing) take(e *endpoint) {
	h.total.Add(1)
	e.outstanding.Add(1)
}

func (h *hashRing) done(*endpoint) { h.total.Add(-1) }

// next returns the ring of a list. Places of those that stay are taken over in
// order, so that only new ones are sorted.
func (r *ring) next(list []candidate) *ring {
	if r == nil {
		r = &ring{}
	}
	sum, most := 0.0, 0.0
	for _, c := range list {
		sum += shareOf(c)
		most = max(most, shareOf(c))
	}
	n := &ring{count: make(map[*endpoint]int, len(list))}
	share := make(map[*endpoint]float64, len(list))
	var added []place
	for _, c := range list {
		k := int(math.Ceil(points * shareOf(c) / most))
		n.count[c.e], share[c.e] = k, shareOf(c)/sum
		if r.count[c.e] != k {
			for i := range k {
				added = append(added, place{at: mix(c.e.hash + uint64(i)*0x9e3779b97f4a7c15), e: c.e})
			}
		}
	}
	slices.SortFunc(added, byPlace)
	n.places = make([]place, 0, len(r.places)+len(added))
	for _, p := range r.places {
		if k := n.count[p.e]; k == 0 || k != r.count[p.e] {
			continue
		}
		for len(added) > 0 && byPlace(added[0], p) < 0 {
			n.places, added = append(n.places, added[0]), added[1:]
		}
		n.places = append(n.places, p)
	}
	n.places = append(n.places, added...)
	for i := range n.places {
		n.places[i].share = share[n.places[i].e]
	}
	return n
}

func byPlace(a, b place) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.e.hash, b.e.hash))
}
