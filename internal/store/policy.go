package store

import (
	"encoding/json"
	"maps"

	"github.com/registryd/registryd/pkg/api"
)

// policies are the check policies among the config entries, by ServiceKey or
// api.AllServices. The map is never changed in place, and nil while there are
// none: then nothing is looked up.
type policies map[string]*api.CheckPolicy

// with returns the policies after an entry was set.
func (p policies) with(e *ConfigEntry) policies {
	if e.Kind != api.CheckPolicyKind {
		return p
	}
	policy := &api.CheckPolicy{}
	if json.Unmarshal(e.Body, policy) != nil {
		return p.without(e) // none that this version knows
	}
	policy.Kind, policy.Name = e.Kind, e.Name
	if policy.Complete() != nil {
		return p.without(e)
	}
	next := maps.Clone(p)
	if next == nil {
		next = policies{}
	}
	next[ServiceKey(e.Name)] = policy
	return next
}

// without returns the policies after an entry was deleted.
func (p policies) without(e *ConfigEntry) policies {
	if e.Kind != api.CheckPolicyKind {
		return p
	}
	next := maps.Clone(p)
	delete(next, ServiceKey(e.Name))
	if len(next) == 0 {
		return nil
	}
	return next
}

// damping and guard return what holds for a check, nil if nothing does.
func (p policies) damping(c *api.Check) *api.CheckDamping {
	if r := p.of(c); r != nil {
		return r.Damping
	}
	return nil
}

func (p policies) guard(c *api.Check) *api.CheckGuard {
	if r := p.of(c); r != nil && c.ServiceID != "" {
		return r.Guard
	}
	return nil
}

func (p policies) of(c *api.Check) *api.CheckPolicy {
	if p == nil {
		return nil
	}
	if c.ServiceName != "" {
		if r := p[ServiceKey(c.ServiceName)]; r != nil {
			return r
		}
	}
	return p[api.AllServices]
}

// policiesChanged ends the holds and guards that are not asked for any more.
func (d *draft) policiesChanged() {
	nodes, checks := d.dueChecks()
	for i, n := range nodes {
		c := checks[i]
		next := *c.Verdict
		if next.HeldUntil != 0 && d.next.misc.policies.damping(c) == nil {
			next.HeldUntil, next.Holds, next.Flips = 0, 0, nil
		}
		if next.GuardedUntil != 0 && d.next.misc.policies.guard(c) == nil {
			next.GuardedUntil = 0
		}
		if next.HeldUntil != c.Verdict.HeldUntil || next.GuardedUntil != c.Verdict.GuardedUntil {
			d.release(n, c, next)
		}
	}
}
