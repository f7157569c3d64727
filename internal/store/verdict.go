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

// deregisterAfter returns how long a check may be critical before its service
// is deregistered, 0 if that never happens.
func deregisterAfter(c *api.Check) time.Duration {
	p := probeOf(c)
	if p == nil || c.ServiceID == "" {
		return 0
	}
	return max(0, time.Duration(p.DeregisterCriticalServiceAfter))
}

// FirstReport is how long it takes at most, if the check's target is well,
// until a server that takes the check over has reported so.
func FirstReport(c *api.Check) time.Duration {
	p := probeOf(c)
	if p == nil {
		return takeOver
	}
	return max(time.Duration(p.Interval), time.Duration(p.TTL), time.Second) + takeOver
}

// later returns the moment that is d after at, both in nanoseconds; the last
// moment there is if that is beyond it.
func later(at int64, d time.Duration) int64 {
	if at > math.MaxInt64-int64(d) {
		return math.MaxInt64
	}
	return at + int64(d)
}

// truth returns what was last seen of a check, which may not be what is shown.
func truth(c *api.Check) (status, output string) { return c.Status, c.Output }

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
	}
	status, output := f.status, f.output
	v := remembered(old.Verdict, next)
	if old.Status == status && old.Output == output && v == old.Verdict {
		return
	}
	k := *old
	k.Status, k.Output, k.Verdict, k.ModifyIndex = status, output, v, d.index
	if k.ServiceID != "" {
		if inst := n.instance(k.ServiceID); inst != nil {
			k.ServiceName, k.ServiceTags = inst.Service.Service, inst.Service.Tags
		}
	}
	d.setCheck(n, &k)
}

// remembered returns old if next says the same, nil if it says nothing.
func remembered(old *api.CheckVerdict, next api.CheckVerdict) *api.CheckVerdict {
	switch {
	case next.CriticalSince == 0 && next.DeregisterAt == 0 && len(next.Votes) == 0:
		return nil
	case old != nil && old.CriticalSince == next.CriticalSince && old.DeregisterAt == next.DeregisterAt && slices.Equal(old.Votes, next.Votes):
		return old
	}
	kept := next
	return &kept
}

// count keeps since when a check has been reported critical, if that is of
// interest.
func (d *draft) count(c *api.Check, v *api.CheckVerdict, f finding) {
	after := deregisterAfter(c)
	counts := after > 0 && f.status == api.Critical
	switch {
	case counts == (v.CriticalSince != 0):
	case counts:
		v.CriticalSince = d.now.UnixNano()
		v.DeregisterAt = later(v.CriticalSince, max(after, f.floor))
	default:
		v.CriticalSince, v.DeregisterAt = 0, 0
	}
}

// registerAgain gives a check that is registered once more what is remembered
// of it, if it is the same check. Where several servers decide, what a
// registration says of its status is not heard.
func registerAgain(old, k *api.Check) {
	if old.Verdict == nil || old.ServiceID != k.ServiceID || !sameDefinition(probeOf(old), probeOf(k)) {
		return
	}
	if len(old.Verdict.Votes) > 0 {
		k.Status, k.Output = old.Status, old.Output
	}
	if k.Status == old.Status {
		k.Verdict = old.Verdict
	}
}
