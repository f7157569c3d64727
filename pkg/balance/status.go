package balance

import "time"

// Status is what a Balancer knows, for people and programs to look at.
type Status struct {
	Service string
	Policy  string
	Updated time.Time     // when the registry last answered; zero if never
	Age     time.Duration // how old the list may be: 0 as long as the watch stands
	Err     string        // why it does not; empty if it does
	// Panicking says that too few instances are usable, so that all are used.
	Panicking bool
	Instances []InstanceStatus // in the registry's order
}

// InstanceStatus is what a Balancer knows of an instance.
type InstanceStatus struct {
	ID, Node, Addr, Zone string
	Status               string        // the worst of its checks
	Weight               float64       // registered for that status
	Usable               bool          // gets requests
	Warmth               float64       // share of its weight that it gets, below 1 in slow start
	EjectedFor           time.Duration // until it is tried again; 0 if it is not ejected
	Outstanding          int
	Successes, Failures  uint64 // reported so far
}

// Status returns the present state.
func (b *Balancer) Status() Status {
	s := Status{Service: b.service, Policy: b.o.policy.String()}
	var err error
	s.Updated, err = b.feed.freshness()
	if err != nil {
		s.Err = err.Error()
		if !s.Updated.IsZero() {
			s.Age = time.Since(s.Updated)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if p := b.plan.Load(); p != nil {
		s.Panicking = p.panicking
	}
	member := make(map[*endpoint]bool, len(b.members))
	for _, e := range b.members {
		member[e] = true
	}
	now := time.Now()
	for _, e := range b.listed {
		s.Instances = append(s.Instances, b.statusOf(e, member[e], now, s.Panicking))
	}
	return s
}

// statusOf describes an instance. The caller holds mu.
func (b *Balancer) statusOf(e *endpoint, member bool, now time.Time, panicking bool) InstanceStatus {
	in := Instance{e}
	s := InstanceStatus{
		ID: in.ID(), Addr: e.addr, Zone: e.zone,
		Status: e.status, Weight: e.weight,
		Usable:      member && (!e.ejected || panicking),
		Warmth:      e.warmth(now, b.o.slowStart),
		Outstanding: in.Outstanding(),
		Successes:   e.good.Load(), Failures: e.bad.Load(),
	}
	if n := in.Entry().Node; n != nil {
		s.Node = n.Node
	}
	if e.ejected {
		s.EjectedFor = max(0, e.until.Sub(now))
	}
	return s
}
