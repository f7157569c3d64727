package balance

import (
	"slices"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// apply takes over a list from the registry. The feed calls it, one list at a
// time.
func (b *Balancer) apply(list []*api.Entry) {
	b.mu.Lock()
	now := time.Now()
	warm := b.plan.Load() == nil
	before := b.known
	b.known = make(map[string]*endpoint, len(list))
	b.listed = make([]*endpoint, 0, len(list))
	for _, x := range places(list) {
		addr, zone := addrOf(x), zoneOf(x)
		id := identityOf(addr, zone)
		e := before[id]
		if e == nil {
			e = b.admit(id, addr, zone)
		}
		b.known[id] = e
		b.listed = append(b.listed, e)
		b.refresh(e, x, now, warm)
	}
	for id, e := range before {
		if b.known[id] == nil {
			e.gone, e.ejected = true, false
		}
	}
	b.rebuild(now)
	b.mu.Unlock()
	b.first.Do(func() { close(b.ready) })
	b.nudge()
	if h := b.o.hook.Updated; h != nil {
		h(len(list))
	}
}

// places leaves one entry for each address, the healthiest: an instance that
// was handed from one server to another can be listed by both for a while, and
// must not get two shares.
func places(list []*api.Entry) []*api.Entry {
	at := make(map[string]int, len(list))
	out := make([]*api.Entry, 0, len(list))
	for _, x := range list {
		if x.Service == nil {
			continue
		}
		addr := addrOf(x)
		if i, listed := at[addr]; !listed {
			at[addr] = len(out)
			out = append(out, x)
		} else if rank(x) < rank(out[i]) {
			out[i] = x
		}
	}
	return out
}

// rank orders entries by health. Maintenance comes first, since it is somebody's
// decision.
func rank(x *api.Entry) int {
	return slices.Index([]string{api.Maintenance, api.Passing, api.Warning, api.Critical}, x.Status())
}

// admit makes the endpoint of an instance that was not listed before.
func (b *Balancer) admit(id, addr, zone string) *endpoint {
	e := &endpoint{addr: addr, zone: zone, hash: hashString(id), owner: b, slot: -1}
	e.home = b.groups[0]
	if b.o.zone.Name != "" && zone != b.o.zone.Name {
		e.home = b.groups[1]
	}
	return e
}

// refresh takes over what the registry says of an instance. A check that
// passes again is newer evidence than a failure seen before it failed, so it
// ends an ejection.
func (b *Balancer) refresh(e *endpoint, x *api.Entry, now time.Time, warm bool) {
	wasFit := e.fit
	e.entry.Store(x)
	e.status = x.Status()
	e.weight = weightOf(x, e.status)
	switch e.status {
	case api.Passing:
		e.fit = e.weight > 0
	case api.Warning:
		e.fit = e.weight > 0 && !b.o.passingOnly
	default:
		e.fit = false
	}
	if e.fit && !wasFit {
		if !warm {
			e.since = now
		}
		e.streak.Store(0)
		if e.ejected {
			b.reinstate(e, now)
		}
	}
}

// weightOf is the weight registered for a status; none registered means 1.
func weightOf(x *api.Entry, status string) float64 {
	w := x.Service.Weights
	switch {
	case w == nil:
		return 1
	case status == api.Warning:
		return float64(max(w.Warning, 0))
	}
	return float64(max(w.Passing, 0))
}
