package store

import (
	"time"

	"github.com/registryd/registryd/pkg/api"
)

func (c *UpdateChecks) apply(d *draft) Result {
	for i := range c.Updates {
		u := &c.Updates[i]
		n := d.node(NodeKey(u.Node))
		if n == nil {
			continue
		}
		if old := n.check(u.CheckID); old != nil {
			c.update(d, n, old, u)
		}
	}
	return done
}

// update takes what was found of one check.
func (c *UpdateChecks) update(d *draft, n *nodeDraft, old *api.Check, u *CheckUpdate) {
	same := old.Status == u.Status && old.Output == u.Output
	if same && old.Verdict == nil && deregisterAfter(old) == 0 {
		return
	}
	if c.From != "" && !d.owns(c.From, n, old) {
		return
	}
	v := d.counted(old, u.Status, c.floor())
	if same && v == old.Verdict {
		return
	}
	k := *old
	k.Status, k.Output, k.Verdict, k.ModifyIndex = u.Status, u.Output, v, d.index
	if k.ServiceID != "" {
		if inst := n.instance(k.ServiceID); inst != nil {
			k.ServiceName, k.ServiceTags = inst.Service.Service, inst.Service.Tags
		}
	}
	d.setCheck(n, &k)
}

func (c *ChecksDue) apply(d *draft) Result {
	for _, ref := range c.Checks {
		n := d.node(NodeKey(ref.Node))
		if n == nil {
			continue
		}
		k := n.check(ref.CheckID)
		if k == nil || k.Verdict == nil {
			continue
		}
		// It may have changed since the leader looked.
		if at := k.Verdict.DeregisterAt; at != 0 && at <= d.now.UnixNano() && k.Status == api.Critical {
			d.because("critical since "+stamp(k.Verdict.CriticalSince), func() { d.removeService(n, k.ServiceID) })
		}
	}
	return done
}

// stamp shows a moment to people.
func stamp(at int64) string { return time.Unix(0, at).UTC().Format(time.RFC3339) }
