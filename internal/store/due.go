package store

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"github.com/registryd/registryd/pkg/api"
)

// What a verdict has to lead to at some time is found by that time in the tree
// State.due: eight bytes of nanoseconds (highest first), NodeKey, 0, IDKey of the
// check ID.
// It follows from the checks, so it is no record of its own.

// dueAt returns when something has to be done about a check, 0 if never. While
// it is guarded its service stays.
func dueAt(c *api.Check) int64 {
	if c == nil || c.Verdict == nil {
		return 0
	}
	v := c.Verdict
	at := v.DeregisterAt
	if v.GuardedUntil != 0 {
		at = v.GuardedUntil
	}
	if v.HeldUntil != 0 && (at == 0 || v.HeldUntil < at) {
		at = v.HeldUntil
	}
	return at
}

// Deregisters reports whether what is due next about a check is the end of its
// service.
func Deregisters(c *api.Check) bool {
	return c.Verdict != nil && c.Verdict.DeregisterAt != 0 && dueAt(c) == c.Verdict.DeregisterAt
}

func dueKey(at int64, node, checkID string) []byte {
	b := make([]byte, 0, 9+len(node)+len(checkID))
	b = append(binary.BigEndian.AppendUint64(b, uint64(at)), node...)
	return append(append(b, 0), IDKey(checkID)...)
}

// observedKey is the key of a check in State.observed, empty if one server runs
// it.
func observedKey(node string, c *api.Check) string {
	if c == nil {
		return ""
	}
	if p := probeOf(c); p == nil || p.Observers <= 1 {
		return ""
	}
	return node + "\x00" + IDKey(c.CheckID)
}

// guardedKey is the key of a check in State.guarded, empty if it is not.
func guardedKey(node string, c *api.Check) string {
	if c == nil || c.Verdict == nil || c.Verdict.GuardedUntil == 0 {
		return ""
	}
	return ServiceKey(c.ServiceName) + "\x00" + node + "\x00" + IDKey(c.CheckID)
}

// rekeyed returns a tree with one key in the place of another; empty is none.
func rekeyed(tree *iradix.Tree[struct{}], was, is string) *iradix.Tree[struct{}] {
	if was == is {
		return tree
	}
	if was != "" {
		tree, _, _ = tree.Delete([]byte(was))
	}
	if is != "" {
		tree, _, _ = tree.Insert([]byte(is), struct{}{})
	}
	return tree
}

// follow keeps what is derived from a node's check; old or c is nil where there
// was none or is none any more.
func (d *draft) follow(node string, old, c *api.Check) {
	d.next.observed = rekeyed(d.next.observed, observedKey(node, old), observedKey(node, c))
	d.next.guarded = rekeyed(d.next.guarded, guardedKey(node, old), guardedKey(node, c))
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

// Guarded calls f for each service with checks that are guarded, with their
// number, in order of name.
func (s *State) Guarded(f func(service string, checks int)) {
	service, checks := "", 0
	s.guarded.Root().Walk(func(k []byte, _ struct{}) bool {
		name, _, _ := strings.Cut(string(k), "\x00")
		if name != service && checks > 0 {
			f(service, checks)
			checks = 0
		}
		service = name
		checks++
		return false
	})
	if checks > 0 {
		f(service, checks)
	}
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

// serversMoved follows a change of the live servers. Checks that several servers
// run are counted anew. A check that has another owner from now on keeps its
// service at least until that owner can have looked for itself.
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
			d.release(n, c, *v)
		}
	}
}

// spared returns the verdict of a check that has a new owner: the end of its
// service is put off until the owner can have reported.
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

// countAnew drops what verdicts remember but the votes, and lets the checks show
// what was last seen of them: the times in a restored state are of another day.
func (d *draft) countAnew() {
	nodes, checks := d.dueChecks()
	for i, n := range nodes {
		d.release(n, checks[i], api.CheckVerdict{Votes: checks[i].Verdict.Votes})
	}
}
