package store

import (
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// guard keeps what a check shows, although it was seen critical, if it is one of
// too many: more than the policy's share of the service's instances, and at
// least two, would then have turned critical within one round of checks.
func (d *draft) guard(n *nodeDraft, c *api.Check, v *api.CheckVerdict, status string) {
	p := d.next.misc.policies.guard(c)
	if p == nil || status != api.Critical || v.HeldUntil != 0 || c.Status == api.Critical {
		return
	}
	inst := n.instance(c.ServiceID)
	if inst == nil || worstOf(nodeChecks(n.checks), inst.OwnChecks) == api.Critical {
		return // it is out already
	}
	turned, all := 1, 0
	since := d.now.UnixNano() - int64(round(c))
	d.serviceInstances(inst.Service.Service, func(o *Instance) {
		all++
		if o.Service != inst.Service && turnedAfter(o, since) {
			turned++
		}
	})
	if turned > 1 && float64(turned) > p.Share*float64(all) {
		v.GuardedUntil = later(d.now.UnixNano(), time.Duration(p.Hold))
	}
}

// turnedAfter reports whether an instance was seen turning critical after a
// moment and not before it.
func turnedAfter(i *Instance, since int64) bool {
	turned := false
	for _, c := range i.OwnChecks {
		if seen, _ := Seen(c); seen != api.Critical {
			continue
		}
		if c.Verdict == nil || c.Verdict.CriticalSince <= since {
			return false
		}
		turned = true
	}
	return turned
}

// serviceInstances calls f for each instance of a service, as the draft has it
// and in any order.
func (d *draft) serviceInstances(name string, f func(*Instance)) {
	key := ServiceKey(name)
	var changes map[instanceKey]*Instance
	if sd := d.services[key]; sd != nil {
		changes = sd.changes
	}
	if v, ok := d.base.services.Get([]byte(key)); ok {
		for _, i := range v.Instances {
			if _, changed := changes[instanceKey{NodeKey(i.Node.Node), IDKey(i.Service.ID)}]; !changed {
				f(i)
			}
		}
	}
	for _, i := range changes {
		if i != nil {
			f(i)
		}
	}
}

func guardedText(v *api.CheckVerdict) string {
	return "guarded until " + stamp(v.GuardedUntil) + ": seen critical: "
}
