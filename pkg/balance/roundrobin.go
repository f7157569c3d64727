package balance

import (
	"math/rand/v2"
	"sync/atomic"
)

// RoundRobin gives each instance its turn, whatever its registered weight. It
// is the cheapest policy and the right one for short requests of equal cost.
func RoundRobin() Policy {
	return Policy{name: "round-robin", open: func() picker {
		r := &roundRobin{uneven: newSchedule(rampOf, false)}
		// Many clients of one list must not all begin at its head.
		r.next.Store(rand.Uint64N(1 << 32))
		return r
	}}
}

// roundRobin is a counter over a list. While some instances are to get less
// than others, in slow start or at the ends of a subset, a schedule stands in.
type roundRobin struct {
	list   atomic.Pointer[[]*endpoint] // nil while uneven is in use
	next   atomic.Uint64
	uneven *schedule
}

func (r *roundRobin) update(list []candidate) {
	if !even(list, rampOf) {
		r.uneven.update(list)
		r.list.Store(nil)
		return
	}
	all := ends(list)
	r.list.Store(&all)
}

func (r *roundRobin) pick(q query) *endpoint {
	p := r.list.Load()
	if p == nil {
		return r.uneven.pick(q)
	}
	list := *p
	if len(list) == 0 {
		return nil
	}
	i := int(r.next.Add(1) % uint64(len(list)))
	if q.skip != nil {
		return anyFrom(list, i, q)
	}
	e := list[i]
	e.outstanding.Add(1)
	return e
}

func (r *roundRobin) take(e *endpoint) { e.outstanding.Add(1) }

func (r *roundRobin) done(*endpoint) {}
