package store

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// What a verdict has to lead to at some time is found by that time in the tree
// State.due: eight bytes of nanoseconds (highest first), NodeKey, 0, check ID.
// It follows from the checks, so it is no record of its own.

// dueAt returns when something has to be done about a check, 0 if never.
func dueAt(c *api.Check) int64 {
	if c == nil || c.Verdict == nil {
		return 0
	}
	return c.Verdict.DeregisterAt
}

func dueKey(at int64, node, checkID string) []byte {
	b := make([]byte, 0, 9+len(node)+len(checkID))
	b = append(binary.BigEndian.AppendUint64(b, uint64(at)), node...)
	return append(append(b, 0), checkID...)
}

// observed reports whether several servers may run a check.
func observed(c *api.Check) bool {
	if c == nil {
		return false
	}
	p := probeOf(c)
	return p != nil && p.Observers > 1
}

// follow keeps what is derived from a node's check; old or c is nil where there
// was none or is none any more.
func (d *draft) follow(node string, old, c *api.Check) {
	if was, is := observed(old), observed(c); was != is {
		key := []byte(node + "\x00")
		if is {
			d.next.observed, _, _ = d.next.observed.Insert(append(key, c.CheckID...), struct{}{})
		} else {
			d.next.observed, _, _ = d.next.observed.Delete(append(key, old.CheckID...))
		}
	}
	was, is := dueAt(old), dueAt(c)
	if was == is {
		return
	}
	if was != 0 {
		d.next.due, _, _ = d.next.due.Delete(dueKey(was, node, old.CheckID))
	}
	if is != 0 {
		d.next.due, _, _ = d.next.due.Insert(dueKey(is, node, c.CheckID), struct{}{})
	}
	d.touch(TableDue)
}

// Due calls f for each check that something has to be done about at a known
// time, in the order of these times, until it returns false. TableDue tells of
// changes.
func (s *State) Due(f func(at time.Time, c *api.Check) bool) {
	s.due.Root().Walk(func(k []byte, _ struct{}) bool {
		node, id, _ := strings.Cut(string(k[8:]), "\x00")
		v, ok := s.nodes.Get([]byte(node))
		if !ok {
			return false
		}
		c := v.Check(id)
		return c != nil && !f(time.Unix(0, int64(binary.BigEndian.Uint64(k))), c)
	})
}

// dueChecks returns the drafts' checks that are in the tree, in order of time.
func (d *draft) dueChecks() (nodes []*nodeDraft, checks []*api.Check) {
	d.next.due.Root().Walk(func(k []byte, _ struct{}) bool {
		node, id, _ := strings.Cut(string(k[8:]), "\x00")
		if n := d.node(node); n != nil {
			if c := n.check(id); c != nil {
				nodes, checks = append(nodes, n), append(checks, c)
			}
		}
		return false
	})
	return nodes, checks
}

// serversMoved does what a change of the live servers means to checks: each
// that another server runs from now on gets the time that this one needs to see
// for itself.
func (d *draft) serversMoved(before, now []string) {
	if slices.Equal(before, now) {
		return
	}
	d.recount(now)
	nodes, checks := d.dueChecks()
	for i, n := range nodes {
		c := checks[i]
		owner := OwnerAmong(now, n.node, c)
		if owner == "" || owner == OwnerAmong(before, n.node, c) {
			continue
		}
		if v := d.spared(c); v != c.Verdict {
			k := *c
			k.Verdict, k.ModifyIndex = v, d.index
			d.setCheck(n, &k)
		}
	}
}

// spared is the verdict on a check that a new owner looks at first.
func (d *draft) spared(c *api.Check) *api.CheckVerdict {
	v := c.Verdict
	if v == nil || v.DeregisterAt == 0 {
		return v
	}
	until := later(d.now.UnixNano(), FirstReport(c))
	if v.DeregisterAt >= until {
		return v
	}
	next := *v
	next.DeregisterAt = until
	return &next
}

// countAnew forgets since when checks have been critical: the times of a
// restored state are those of another day.
func (d *draft) countAnew() {
	nodes, checks := d.dueChecks()
	for i, n := range nodes {
		k := *checks[i]
		k.Verdict, k.ModifyIndex = nil, d.index
		d.setCheck(n, &k)
	}
}
