package store

import (
	"math"
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

// counted returns the verdict on a check that is now reported with a status:
// it keeps since when the check has been critical, if that is of interest.
func (d *draft) counted(c *api.Check, status string, floor time.Duration) *api.CheckVerdict {
	v := c.Verdict
	after := deregisterAfter(c)
	counts := after > 0 && status == api.Critical
	switch {
	case counts == (v != nil && v.CriticalSince != 0):
		return v
	case !counts:
		next := *v
		next.CriticalSince, next.DeregisterAt = 0, 0
		return worthKeeping(next)
	}
	var next api.CheckVerdict
	if v != nil {
		next = *v
	}
	next.CriticalSince = d.now.UnixNano()
	next.DeregisterAt = later(next.CriticalSince, max(after, floor))
	return &next
}

// worthKeeping returns nil for a verdict that says nothing.
func worthKeeping(v api.CheckVerdict) *api.CheckVerdict {
	if v == (api.CheckVerdict{}) {
		return nil
	}
	return &v
}

// registered is the verdict on a check that is registered again as k. What was
// counted of the old one goes on if it is the same check and not said to be
// better.
func registered(old, k *api.Check) *api.CheckVerdict {
	if old.Verdict == nil || k.Status != api.Critical || old.ServiceID != k.ServiceID || !sameDefinition(probeOf(old), probeOf(k)) {
		return nil
	}
	return old.Verdict
}
