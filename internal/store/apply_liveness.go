package store

import (
	"github.com/registryd/registryd/pkg/api"
)

func (c *Liveness) apply(d *draft) Result {
	n := d.node(NodeKey(c.Node))
	if n == nil {
		return done // removed meanwhile
	}
	k := &api.Check{Node: n.node.Node, CheckID: api.SerfHealth, Name: "Serf Health Status", Status: api.Critical, Output: c.Output}
	if c.Alive {
		k.Status = api.Passing
	}
	k.CreateIndex, k.ModifyIndex = d.index, d.index
	if old := n.check(api.SerfHealth); old != nil {
		if sameCheck(old, k) {
			return done
		}
		k.CreateIndex = old.CreateIndex
	}
	if !c.Alive {
		// Before the check turns: sessions that can live on must not be ended
		// by it.
		d.live = nil
		d.handOver(n)
		d.strand(n)
	}
	d.setCheck(n, k)
	return done
}

// handOver moves what can outlive a failed server to live ones: instances with
// an address of their own, their checks, and sessions that have a TTL.
func (d *draft) handOver(from *nodeDraft) {
	var heirs []string
	for _, l := range d.liveServers() {
		if NodeKey(l) != from.key {
			heirs = append(heirs, l)
		}
	}
	if len(heirs) == 0 {
		return
	}
	d.handOverSessions(from, heirs)
	for _, inst := range append([]*Instance(nil), from.instances...) {
		if outlives(inst, from.node) {
			d.moveInstance(from, inst, heirs)
		}
	}
}

// outlives reports whether an instance may live though its server is dead, and
// others can tell: it has an address that is not the server's, or one that was
// given explicitly together with a check. A loopback address is the server's
// unless all servers have one. What has a check that only its server can run
// stays.
func outlives(i *Instance, server *api.Node) bool {
	s := i.Service
	if s.Address == "" || ServiceKey(s.Service) == ServerService {
		return false
	}
	told := false
	for _, c := range i.OwnChecks {
		if tied(server, c) != "" {
			return false
		}
		told = told || c.Probe != nil
	}
	same := s.Address == server.Address || loopback(s.Address) && !loopback(server.Address)
	return told || !same
}

// moveInstance puts the instance and its checks, unchanged, on one of the
// heirs: the one that hashing prefers and that has no instance or check of the
// same ID. If all have one the instance stays.
func (d *draft) moveInstance(from *nodeDraft, inst *Instance, heirs []string) {
	rest := append([]string(nil), heirs...)
	for len(rest) > 0 {
		name := rendezvous(rest, from.key, inst.Service.ID)
		to := d.node(NodeKey(name))
		if to != nil && to.takes(inst) {
			d.move(from, inst, to, "its server failed")
			return
		}
		for i, r := range rest {
			if r == name {
				rest = append(rest[:i], rest[i+1:]...)
				break
			}
		}
	}
}

// move puts an instance with its checks on another node as they are.
func (d *draft) move(from *nodeDraft, inst *Instance, to *nodeDraft, reason string) {
	s := *inst.Service
	s.ModifyIndex = d.index
	d.quietly(func() {
		d.removeService(from, s.ID)
		d.setService(to, &s)
		for _, c := range inst.OwnChecks {
			k := *c
			k.Node, k.Verdict, k.ModifyIndex = to.node.Node, d.spared(c), d.index
			d.setCheck(to, &k)
		}
	})
	d.note(api.HistoryEvent{Kind: api.HistoryMoved, Node: to.node.Node, ServiceID: s.ID, Service: s.Service, From: from.node.Node, To: to.node.Node, Reason: reason})
}

// reclaim takes an instance back that was handed to another server while its
// own was away: one with the same ID, name and address of its own is the same
// program, and must not be listed twice when it registers again.
func (d *draft) reclaim(n *nodeDraft, s *api.Service) {
	if s.Address == "" || n.instance(s.ID) != nil {
		return
	}
	for _, other := range d.serverNodes() {
		if other == n {
			continue
		}
		i := other.instance(s.ID)
		if i == nil || i.Service.Service != s.Service || i.Service.Address != s.Address || i.Service.Port != s.Port || !n.takes(i) {
			continue
		}
		d.move(other, i, n, "it registered here again")
		return
	}
}

func (n *nodeDraft) takes(inst *Instance) bool {
	if n.instance(inst.Service.ID) != nil {
		return false
	}
	for _, c := range inst.OwnChecks {
		if n.check(c.CheckID) != nil {
			return false
		}
	}
	return true
}
