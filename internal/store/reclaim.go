package store

import (
	"slices"

	"github.com/registryd/registryd/pkg/api"
)

// An ID is one server's own: other programs may have the same elsewhere. But a
// program that was handed over, or that registers through whichever server
// answers, is one program and has one record.

// sameProgram reports whether an instance is the program that registers as s
// with the server n: they have one ID, one name and one host, whatever the
// port. A loopback address is another host on each server, unless the servers
// share one.
func sameProgram(i *Instance, s *api.Service, n *nodeDraft) bool {
	return isNamed(i, s) && s.Address != "" && i.Service.Address == s.Address && (!loopback(s.Address) || loopback(n.node.Address))
}

// isOf reports whether an instance is the program that registers as s with the
// server n and was handed over from there, wherever it is now reached.
func isOf(i *Instance, s *api.Service, n *nodeDraft) bool {
	return isNamed(i, s) && i.Service.Origin != "" && NodeKey(i.Service.Origin) == n.key
}

func isNamed(i *Instance, s *api.Service) bool {
	return CompareIDs(i.Service.ID, s.ID) == 0 && ServiceKey(i.Service.Service) == ServiceKey(s.Service)
}

// isGuest reports whether an instance is on the node because it was handed
// over: nobody has registered it there.
func isGuest(i *Instance) bool { return i != nil && i.Service.Origin != "" }

// reclaim returns the node on which a program that registers with the server n
// belongs, with what there was of it elsewhere: n, save that
//   - what its own server has, in the same form, stays there while that is alive;
//   - what another program has the ID of on n stays where it is.
func (d *draft) reclaim(n *nodeDraft, c *Register) *nodeDraft {
	s := c.Service
	var at []*nodeDraft // that have it
	for _, other := range d.agentNodes() {
		if i := other.instance(s.ID); i != nil && (sameProgram(i, s, n) || other != n && isOf(i, s, n)) {
			at = append(at, other)
		}
	}
	to := n
	if len(at) > 0 && !slices.Contains(at, n) {
		there, held := at[0].instance(s.ID), n.instance(s.ID)
		if held != nil && !isGuest(held) || !isOf(there, s, n) && d.isLive(at[0]) && c.describes(there) {
			to = at[0]
		}
	}
	d.giveWay(to, c)
	for _, from := range at {
		i := from.instance(s.ID)
		switch {
		case from == to:
		case to.instance(s.ID) == nil:
			d.move(from, i, to, "", "it registered here again")
		default:
			d.because("it registered with "+to.node.Node, func() { d.removeService(from, s.ID) })
		}
	}
	return to
}

// giveWay moves guests off a node whose ID, or that of a check, a registration
// wants for another instance.
func (d *draft) giveWay(n *nodeDraft, c *Register) {
	var id string
	if c.Service != nil {
		id = c.Service.ID
		if i := n.instance(id); isGuest(i) && !sameProgram(i, c.Service, n) && !isOf(i, c.Service, n) {
			d.place(n, i, "its ID was registered here")
		}
	}
	for _, k := range c.Checks {
		old := n.check(k.CheckID)
		if old == nil || old.ServiceID == "" || old.ServiceID == id || old.ServiceID == k.ServiceID {
			continue
		}
		if i := n.instance(old.ServiceID); isGuest(i) {
			d.place(n, i, "the ID of its check was registered here")
		}
	}
}

func (d *draft) isLive(n *nodeDraft) bool { return slices.Contains(d.liveServers(), n.node.Node) }

// describes reports whether the instance is what the command registers, its
// checks included, whatever their status.
func (c *Register) describes(i *Instance) bool {
	if !sameService(i.Service, c.Service) || c.ReplaceChecks && len(c.Checks) != len(i.OwnChecks) {
		return false
	}
	for _, k := range c.Checks {
		at, found := findCheck(i.OwnChecks, k.CheckID)
		if !found || k.ServiceID != i.Service.ID {
			return false
		}
		old := *i.OwnChecks[at]
		old.Status, old.Output, old.ServiceName, old.ServiceTags = k.Status, k.Output, k.ServiceName, k.ServiceTags
		if !sameCheck(&old, k) {
			return false
		}
	}
	return true
}
