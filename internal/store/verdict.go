package store

import (
	"math"
	"slices"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// MinDeregisterAfter is the least time a check has to be critical before its
// service is deregistered, unless the server that runs it is configured
// otherwise; Consul's value.
const MinDeregisterAfter = time.Minute

// takeOver is what a server that takes a check over may need beyond the check's
// interval until its first report is in the catalog.
const takeOver = 2 * time.Second

// probeOf returns how the cluster runs a check, nil if nobody does.
func probeOf(c *api.Check) *api.CheckDefinition {
	if c.Probe == nil && Runnable(c) {
		return c.Definition
	}
	return c.Probe
}

// sameProbe reports whether the cluster runs a check, and as before although it
// is registered anew: what was found of it is newer than what the registration
// says, which nobody has looked for.
func sameProbe(old, k *api.Check) bool {
	p := probeOf(k)
	return p != nil && sameDefinition(probeOf(old), p)
}

// deregisterAfter returns how long a check may be critical before its service
// is deregistered, 0 if that never happens.
func deregisterAfter(c *api.Check) time.Duration {
	p := probeOf(c)
	if p == nil || c.ServiceID == "" {
		return 0
	}
	return max(0, time.Duration(p.DeregisterCriticalServiceAfter))
}

// round returns how long it takes until a check was looked at once, and every
// other that runs as often: its interval or TTL, at least a second.
func round(c *api.Check) time.Duration {
	p := probeOf(c)
	if p == nil {
		return time.Second
	}
	return max(time.Duration(p.Interval), time.Duration(p.TTL), time.Second)
}

// FirstReport is how long it takes at most, if the check's target is well,
// until a server that takes the check over has reported so.
func FirstReport(c *api.Check) time.Duration { return round(c) + takeOver }

// later returns the moment that is d after at, both in nanoseconds; the last
// moment there is if that is beyond it.
func later(at int64, d time.Duration) int64 {
	if at > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return at + int64(d)
}

// Seen returns what was last seen of a check, which is not what it shows while
// it is held or guarded.
func Seen(c *api.Check) (status, output string) {
	if v := c.Verdict; v != nil && v.Observed != "" {
		return v.Observed, v.Output
	}
	return c.Status, c.Output
}

// verdictOf returns what is remembered of a check.
func verdictOf(c *api.Check) (v api.CheckVerdict) {
	if c.Verdict != nil {
		v = *c.Verdict
	}
	return v
}

// finding is what was seen of a check.
type finding struct {
	status, output string
	// decided is false while those who look do not agree, and status is what
	// they last agreed on.
	decided bool
	floor   time.Duration // see UpdateChecks.Floor
}

// conclude makes what was seen of a check, and what is remembered of it, its
// state. Where that is what it was nothing changes.
func (d *draft) conclude(n *nodeDraft, old *api.Check, next api.CheckVerdict, f finding) {
	if f.decided {
		d.count(old, &next, f)
		if before, _ := Seen(old); before != f.status {
			d.damp(old, &next, before, f.status)
			d.guard(n, old, &next, f.status)
		}
		if f.status != api.Critical {
			next.GuardedUntil = 0
		}
	}
	d.show(n, old, next, f.status, f.output)
}

// show sets what a check shows: what was seen of it, unless it is held or
// guarded.
func (d *draft) show(n *nodeDraft, old *api.Check, next api.CheckVerdict, status, output string) {
	next.Observed, next.Output = "", ""
	switch {
	case next.HeldUntil != 0:
		next.Observed, next.Output = status, output
		status, output = api.Critical, d.heldText(old, &next)+output
	case next.GuardedUntil != 0:
		next.Observed, next.Output = status, output
		status, output = old.Status, guardedText(&next)+output
	}
	v := remembered(old.Verdict, next)
	if old.Status == status && old.Output == output && v == old.Verdict {
		return
	}
	if old.Status == status && old.Output == output && old.ServiceID != "" {
		d.setVerdict(n, old, v)
		return
	}
	k := *old
	k.Status, k.Output, k.Verdict, k.ModifyIndex = status, output, v, d.index
	if k.ServiceID != "" {
		if inst := n.instance(k.ServiceID); inst != nil {
			k.ServiceName, k.ServiceTags = inst.Service.Service, inst.Service.Tags
		}
	}
	e, special := verdictEvent(old, &k)
	if !special {
		d.setCheck(n, &k)
		return
	}
	d.quietly(func() { d.setCheck(n, &k) })
	d.note(e)
}

// verdictEvent is what history says when a check begins or ceases to show
// something else than was seen.
func verdictEvent(old, k *api.Check) (e api.HistoryEvent, special bool) {
	was, is := verdictOf(old), verdictOf(k)
	switch {
	case is.HeldUntil > was.HeldUntil:
		e.Kind = api.HistoryHeld
	case is.GuardedUntil > was.GuardedUntil:
		e.Kind = api.HistoryGuarded
	case was.HeldUntil != 0 && is.HeldUntil == 0, was.GuardedUntil != 0 && is.GuardedUntil == 0 && is.HeldUntil == 0:
		e.Kind = api.HistoryReleased
	default:
		return e, false
	}
	e.Node, e.ServiceID, e.Service, e.CheckID, e.From, e.To, e.Reason = k.Node, k.ServiceID, k.ServiceName, k.CheckID, old.Status, k.Status, k.Output
	return e, true
}

// remembered returns old if next says the same, nil if it says nothing.
func remembered(old *api.CheckVerdict, next api.CheckVerdict) *api.CheckVerdict {
	if sameVerdict(&next, &api.CheckVerdict{}) {
		return nil
	}
	if old != nil && sameVerdict(old, &next) {
		return old
	}
	kept := next
	return &kept
}

func sameVerdict(a, b *api.CheckVerdict) bool {
	return a.CriticalSince == b.CriticalSince && a.DeregisterAt == b.DeregisterAt && slices.Equal(a.Votes, b.Votes) &&
		a.Observed == b.Observed && a.Output == b.Output && a.HeldUntil == b.HeldUntil && a.GuardedUntil == b.GuardedUntil &&
		slices.Equal(a.Flips, b.Flips) && a.Holds == b.Holds
}

// count keeps since when a check has been reported critical, if that is of
// interest.
func (d *draft) count(c *api.Check, v *api.CheckVerdict, f finding) {
	after := deregisterAfter(c)
	if f.status != api.Critical || after == 0 && d.next.misc.policies.guard(c) == nil {
		v.CriticalSince, v.DeregisterAt = 0, 0
		return
	}
	if v.CriticalSince == 0 {
		v.CriticalSince = d.now.UnixNano()
	}
	if after > 0 && v.DeregisterAt == 0 {
		v.DeregisterAt = later(v.CriticalSince, max(after, f.floor))
	}
}

// registerAgain gives a check that is registered once more what is remembered
// of it, if it is the same check. Where several servers decide, or it is held
// or guarded, what a registration says of its status is not heard.
func registerAgain(old, k *api.Check) {
	v := old.Verdict
	switch {
	case v == nil:
	case !sameID(old.ServiceID, k.ServiceID) || !sameDefinition(probeOf(old), probeOf(k)):
		if k.Status == old.Status && k.Output == old.Output {
			k.Status, k.Output = Seen(old)
		}
	case len(v.Votes) > 0 || v.Observed != "":
		k.Status, k.Output, k.Verdict = old.Status, old.Output, v
	case k.Status == old.Status:
		k.Verdict = v
	}
}
