package balance

import (
	"fmt"
	"math"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// Ejection says when an instance that fails is taken out for a while, without
// waiting for the registry. An instance that cannot be connected to is taken
// out at once. Fields left at zero take the defaults, negative ones switch
// their rule off.
type Ejection struct {
	// Consecutive failures after which an instance is taken out; default 5.
	Consecutive int
	// Base is the time of the first ejection, default 1 s. Each further one in
	// a row doubles it, up to Max, default 1 minute. Time spent in good order
	// counts back.
	Base, Max time.Duration
	// MaxShare of the instances (0 to 1) that may be out at the same time,
	// rounded up; default 0.5. One always stays. Negative: nothing is ever
	// ejected.
	MaxShare float64

	// Interval between comparisons of success rates, default 10 s. An instance
	// is taken out when its rate lies more than Deviations standard deviations
	// (default 1.9) and at least 5 % below the mean of those that had at least
	// MinRequests (default 50) in the interval, if there are five such.
	// Negative Deviations: rates are not compared.
	Interval    time.Duration
	Deviations  float64
	MinRequests int
}

// Reason says why an instance was ejected.
type Reason string

// The reasons.
const (
	Unreachable Reason = "unreachable"  // no connection could be made
	Failing     Reason = "failing"      // consecutive failures
	BelowPeers  Reason = "success rate" // fails more than the others
)

func (x Ejection) withDefaults() Ejection {
	if x.Consecutive == 0 {
		x.Consecutive = 5
	}
	if x.Base == 0 {
		x.Base = time.Second
	}
	if x.Max == 0 {
		x.Max = time.Minute
	}
	if x.MaxShare == 0 {
		x.MaxShare = 0.5
	}
	if x.Interval == 0 {
		x.Interval = 10 * time.Second
	}
	if x.Deviations == 0 {
		x.Deviations = 1.9
	}
	if x.MinRequests == 0 {
		x.MinRequests = 50
	}
	x.Max = max(x.Max, x.Base)
	return x
}

func (x Ejection) check() error {
	switch {
	case x.MaxShare > 1:
		return api.E(api.Invalid, fmt.Sprintf("ejection share %v is above 1", x.MaxShare))
	case x.Base < 0:
		return api.E(api.Invalid, fmt.Sprintf("ejection time %v is negative", x.Base))
	case x.Interval < 0:
		return api.E(api.Invalid, fmt.Sprintf("ejection interval %v is negative", x.Interval))
	}
	return nil
}

// room reports whether e may be ejected beside those that are: within the
// limit, and not if nothing fit would be left. The caller holds mu.
func (b *Balancer) room(e *endpoint) bool {
	ejected, left := 0, 0
	for _, o := range b.listed {
		switch {
		case o.ejected:
			ejected++
		case o.fit && o != e:
			left++
		}
	}
	limit := int(math.Ceil(b.o.ejection.MaxShare * float64(len(b.listed))))
	return left > 0 && ejected < limit
}

// eject takes an instance out if the limit allows it.
func (b *Balancer) eject(e *endpoint, why Reason) {
	now := time.Now()
	b.mu.Lock()
	length, ok := b.ejectLocked(e, now)
	if ok {
		b.rebuild(now)
	}
	b.mu.Unlock()
	if !ok {
		return
	}
	b.nudge()
	if h := b.o.hook.Ejected; h != nil {
		h(Instance{e}, why, length)
	}
}

// ejectLocked is eject without its consequences. The caller holds mu.
func (b *Balancer) ejectLocked(e *endpoint, now time.Time) (time.Duration, bool) {
	if e.ejected || e.gone || !b.room(e) {
		return 0, false
	}
	x := b.o.ejection
	if e.ejections > 0 {
		// Ten times the base in good order is worth one ejection.
		e.ejections -= min(e.ejections, int(now.Sub(e.until)/(10*x.Base)))
	}
	length := x.Max
	if e.ejections < 30 {
		length = min(x.Max, x.Base<<e.ejections)
	}
	if length <= 0 {
		length = x.Max
	}
	e.ejections++
	e.ejected, e.until = true, now.Add(length)
	return length, true
}

// endEjections brings back those whose time is over. The caller holds mu.
func (b *Balancer) endEjections(now time.Time) {
	for _, e := range b.listed {
		if e.ejected && !e.until.After(now) {
			b.reinstate(e, now)
		}
	}
}

// reinstate ends an ejection. The next failure in a row ejects again: one
// request is enough to learn that nothing has changed. The caller holds mu.
func (b *Balancer) reinstate(e *endpoint, now time.Time) {
	e.ejected, e.until, e.since = false, now, now
	e.streak.Store(max(0, int32(b.o.ejection.Consecutive)-1))
}
