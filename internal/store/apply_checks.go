package store

import (
	"encoding/binary"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

func (c *UpdateChecks) apply(d *draft) Result {
	r := done
	for i := range c.Updates {
		u := &c.Updates[i]
		n := d.node(NodeKey(u.Node))
		if n == nil {
			continue
		}
		if old := n.check(u.CheckID); old != nil && !c.update(d, n, old, u) {
			r.Body = binary.AppendUvarint(r.Body, uint64(i))
		}
	}
	return r
}

// DroppedUpdates returns which of a command's updates were dropped since the
// server they came from did not run the check by then, as its Result says.
func (c *UpdateChecks) DroppedUpdates(r Result) []CheckUpdate {
	var dropped []CheckUpdate
	for b := r.Body; len(b) > 0; {
		i, n := binary.Uvarint(b)
		if n <= 0 || i >= uint64(len(c.Updates)) {
			break
		}
		dropped, b = append(dropped, c.Updates[i]), b[n:]
	}
	return dropped
}

// update stores what was found of one check. It returns false, and nothing
// changes, if the server that found it does not run the check.
func (c *UpdateChecks) update(d *draft, n *nodeDraft, old *api.Check, u *CheckUpdate) bool {
	if old.Status == u.Status && old.Output == u.Output && old.Verdict == nil && deregisterAfter(old) == 0 && wanted(n.node, old) == 1 && d.next.misc.policies == nil {
		return true
	}
	d.by.Client = u.Client
	next, f := verdictOf(old), finding{status: u.Status, output: u.Output, decided: true, floor: c.floor()}
	if c.From != "" {
		live := d.liveServers()
		if !RunsAmong(live, n.node, old, c.From) {
			return false
		}
		if wanted(n.node, old) > 1 {
			f = elect(old, &next, ObserversAmong(live, n.node, old), c.From, f)
		}
	}
	d.conclude(n, old, next, f)
	return true
}

func (c *ChecksDue) apply(d *draft) Result {
	for _, ref := range c.Checks {
		n := d.node(NodeKey(ref.Node))
		if n == nil {
			continue
		}
		// It may have changed since the leader looked.
		if k := n.check(ref.CheckID); k != nil && k.Verdict != nil {
			d.act(n, k)
		}
	}
	return done
}

// act does what is due about a check by now.
func (d *draft) act(n *nodeDraft, c *api.Check) {
	now, next := d.now.UnixNano(), *c.Verdict
	over := func(at int64) bool { return at != 0 && at <= now }
	if over(next.GuardedUntil) {
		next.GuardedUntil = 0
	}
	if over(next.HeldUntil) {
		d.holdOver(c, &next)
	}
	if seen, _ := Seen(c); over(next.DeregisterAt) && next.GuardedUntil == 0 && seen == api.Critical {
		d.because("check "+c.CheckID+" critical since "+stamp(next.CriticalSince), func() { d.removeService(n, c.ServiceID) })
		return
	}
	d.release(n, c, next)
}

// release lets a check show what was seen of it, as far as the verdict does not
// hold or guard it.
func (d *draft) release(n *nodeDraft, c *api.Check, next api.CheckVerdict) {
	status, output := Seen(c)
	d.show(n, c, next, status, output)
}

// stamp shows a moment to people.
func stamp(at int64) string { return time.Unix(0, at).UTC().Format(time.RFC3339) }
