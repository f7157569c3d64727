package balance

// Zone says where the caller is. Instances of the same zone (see
// Instance.Zone) are preferred. As soon as less than about 70 % of them are
// usable, a growing part of the requests goes to other zones, so that what is
// left of the zone is not crushed; when none is, all do.
type Zone struct {
	// Name of the caller's zone; empty means that zones do not matter.
	Name string
	// SpillAt sends a request to another zone when the instance chosen in the
	// own one has more than so many requests outstanding, and the other has
	// fewer; 0 means never.
	SpillAt int
}

// overprovision is how much more load than usual what is left of a zone is
// trusted to take. 1.4 is what Envoy found fit for its priority levels.
const overprovision = 1.4

// split parts the pool into the own zone and the others. Without zones all are
// in the first part.
func (b *Balancer) split(pool []*endpoint) (near, far []candidate) {
	for _, e := range pool {
		c := candidate{e: e, weight: max(e.weight, 1e-6), ramp: 1}
		if e.home == b.groups[0] {
			near = append(near, c)
		} else {
			far = append(far, c)
		}
	}
	return near, far
}

// nearListed is the number of listed instances in the own zone.
func (b *Balancer) nearListed() int {
	n := 0
	for _, e := range b.listed {
		if e.home == b.groups[0] {
			n++
		}
	}
	return n
}

// shares returns which part of the requests, out of whole, goes to the own zone
// at first, and at which load it is full.
func (z Zone) shares(near, nearListed, far int) (share uint32, spill int64) {
	switch {
	case z.Name == "" || far == 0:
		return whole, 0
	case near == 0:
		return 0, 0
	}
	health := overprovision * float64(near) / float64(max(nearListed, near))
	return uint32(min(1, health) * whole), int64(max(z.SpillAt, 0))
}
