package store

import (
	"cmp"
	"slices"

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
	heirs := d.heirs(from)
	if len(heirs) == 0 {
		return
	}
	d.handOverSessions(from, heirs)
	for _, inst := range slices.Clone(from.instances) {
		if outlives(inst, from.node) {
			d.place(from, inst, "its server failed")
		}
	}
}

// heirs returns the names of the live servers that can take what from has.
func (d *draft) heirs(from *nodeDraft) []string {
	return slices.DeleteFunc(slices.Clone(d.liveServers()), func(l string) bool { return NodeKey(l) == from.key })
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

// place moves an instance and its checks, unchanged, to a live server that has
// no instance or check of the same ID: to the one that it was registered
// through if that is alive, else to the one that hashing prefers. If none can
// take it, it finds refuge on a node of its own.
func (d *draft) place(from *nodeDraft, inst *Instance, reason string) {
	origin := cmp.Or(inst.Service.Origin, from.node.Node)
	rest := d.heirs(from)
	for len(rest) > 0 {
		name := rendezvous(rest, from.key, inst.Service.ID)
		if i := slices.IndexFunc(rest, func(l string) bool { return NodeKey(l) == NodeKey(origin) }); i >= 0 {
			name = rest[i]
		}
		if to := d.node(NodeKey(name)); to != nil && to.takes(inst) {
			d.move(from, inst, to, origin, reason)
			return
		}
		rest = slices.DeleteFunc(rest, func(l string) bool { return l == name })
	}
	d.move(from, inst, d.refuge(origin, from, inst), origin, reason)
}

// move puts an instance with its checks on another node as they are. A check
// whose ID is taken there goes. The instance remembers its origin, unless that
// is where it goes to.
func (d *draft) move(from *nodeDraft, inst *Instance, to *nodeDraft, origin, reason string) {
	s := *inst.Service
	s.ModifyIndex, s.Origin = d.index, origin
	if NodeKey(origin) == to.key {
		s.Origin = ""
	}
	d.quietly(func() {
		d.removeService(from, s.ID)
		d.setService(to, &s)
		for _, c := range inst.OwnChecks {
			if to.check(c.CheckID) != nil {
				continue
			}
			k := *c
			k.Node, k.Verdict, k.ModifyIndex = to.node.Node, d.spared(c), d.index
			d.setCheck(to, &k)
		}
	})
	d.note(api.HistoryEvent{Kind: api.HistoryMoved, Node: to.node.Node, ServiceID: s.ID, Service: s.Service, From: from.node.Node, To: to.node.Node, Reason: reason})
}

// takes reports whether the IDs of an instance and of its checks are free on
// the node.
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
