package balance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// plan is how requests are shared out until something changes: which group is
// asked first, and how often. It is not changed once it is in use; the pickers
// in it are.
type plan struct {
	near, far picker
	spare     []*endpoint // members that are ejected
	share     uint32      // of whole: how much goes to near
	spill     int64       // outstanding requests at which near is full; 0 means never
	panicking bool
	err       error // when neither has an instance
}

// whole is the share of everything.
const whole = 1 << 16

// candidate is an instance that a picker may choose.
type candidate struct {
	e      *endpoint
	weight float64 // above 0
	ramp   float64 // share of the full weight, above 0 and at most 1
}

// pick returns an instance, counted as outstanding, or nil if there is none. A
// request that has been to all that are usable may go to an ejected one: that may
// be in order again, while the others have just failed it.
func (p *plan) pick(q query) *endpoint {
	e := p.choose(q)
	if e != nil || q.skip == nil {
		return e
	}
	for i, from := 0, rand.IntN(len(p.spare)+1); i < len(p.spare); i++ {
		if e := p.spare[(from+i)%len(p.spare)]; !e.skipped(q) {
			e.home.take(e)
			return e
		}
	}
	return nil
}

// choose is pick among the usable.
func (p *plan) choose(q query) *endpoint {
	if p.share == whole && p.spill == 0 {
		if e := p.near.pick(q); e != nil {
			return e
		}
		return p.far.pick(q)
	}
	if p.share == 0 || rand.Uint32N(whole) >= p.share {
		if e := p.far.pick(q); e != nil {
			return e
		}
		return p.near.pick(q)
	}
	e := p.near.pick(q)
	if e == nil {
		return p.far.pick(q)
	}
	if p.spill == 0 || e.outstanding.Load() <= p.spill {
		return e
	}
	other := p.far.pick(q)
	switch {
	case other == nil:
		return e
	case other.outstanding.Load() < e.outstanding.Load():
		e.release()
		return other
	}
	other.release()
	return e
}

// rebuild makes the plan anew from what is listed, ejected and warming up. The
// caller holds mu.
func (b *Balancer) rebuild(now time.Time) {
	b.endEjections(now)
	pool, panicking := b.pool()
	near, far := b.split(pool)
	near, far = b.o.subset.choose(near), b.o.subset.choose(far)
	b.publish(append(ends(near), ends(far)...))

	usableNear, usableFar := b.usable(near, panicking, now), b.usable(far, panicking, now)
	if len(usableNear)+len(usableFar) == 0 {
		// All of a subset can be ejected, since the limit counts the whole.
		usableNear, usableFar = b.usable(near, true, now), b.usable(far, true, now)
	}
	p := &plan{near: b.groups[0], far: b.groups[1], panicking: panicking}
	p.share, p.spill = b.o.zone.shares(len(usableNear), b.nearListed(), len(usableFar))
	for _, e := range b.members {
		if e.ejected {
			p.spare = append(p.spare, e)
		}
	}
	p.err = api.E(api.Unavailable, fmt.Sprintf("service %s has no instance to use (%d listed)", b.service, len(b.listed)))
	p.near.update(usableNear)
	p.far.update(usableFar)
	b.plan.Store(p)
}

// pool is what the registry's word and the panic threshold leave.
func (b *Balancer) pool() (pool []*endpoint, panicking bool) {
	usable, all := 0, 0
	for _, e := range b.listed {
		if e.status == api.Maintenance {
			continue
		}
		all++
		if e.fit {
			pool = append(pool, e)
			if !e.ejected {
				usable++
			}
		}
	}
	if b.o.panicShare == 0 || usable > 0 && float64(usable) >= b.o.panicShare*float64(all) {
		return pool, false
	}
	return slices.DeleteFunc(slices.Clone(b.listed), func(e *endpoint) bool { return e.status == api.Maintenance }), all > 0
}

// usable leaves out ejected instances, unless all are to be used, and adds how
// warm the others are.
func (b *Balancer) usable(list []candidate, all bool, now time.Time) []candidate {
	out := make([]candidate, 0, len(list))
	for _, c := range list {
		if c.e.ejected && !all {
			continue
		}
		c.ramp *= c.e.warmth(now, b.o.slowStart)
		out = append(out, c)
	}
	return out
}

// publish tells those who wait on Instances when the members differ, or are
// known for the first time.
func (b *Balancer) publish(members []*endpoint) {
	if b.plan.Load() != nil && slices.Equal(members, b.members) {
		return
	}
	b.members = members
	close(b.changed)
	b.changed = make(chan struct{})
}

func ends(list []candidate) []*endpoint {
	out := make([]*endpoint, len(list))
	for i, c := range list {
		out[i] = c.e
	}
	return out
}
