package store

import (
	"maps"
	"slices"

	"github.com/registryd/registryd/pkg/api"
)

func (c *Register) apply(d *draft) Result {
	n := d.node(NodeKey(c.Node))
	// Everything that can refuse the command comes before the first change.
	if err := c.check(n); err != nil {
		return Result{Err: err}
	}
	if n == nil || !c.SkipNodeUpdate {
		n = c.applyNode(d, n)
	}
	to := n
	switch {
	case !c.KeepStatus:
	case c.Service != nil:
		to = d.reclaim(n, c)
	default:
		d.giveWay(n, c)
	}
	if c.Service != nil {
		if old := to.instance(c.Service.ID); old != nil && (to != n || !c.KeepStatus) {
			c.Service.Origin = old.Service.Origin
		}
		applyService(d, to, c.Service)
	}
	for _, k := range c.Checks {
		c.applyCheck(d, to, k)
	}
	if c.ReplaceChecks && c.Service != nil {
		dropOtherChecks(d, to, c.Service.ID, c.Checks)
	}
	if to != n {
		return Result{OK: true, Body: []byte(to.node.Node)}
	}
	return done
}

// check says why the command must be refused, nil if it need not.
func (c *Register) check(n *nodeDraft) error {
	// What comes through the catalog names a datacenter and may make a node
	// without an address; an agent's own registration never does.
	if n == nil && c.SkipNodeUpdate && c.Address == "" && c.Datacenter == "" {
		return api.E(api.Refused, "node "+c.Node+" is not registered")
	}
	if c.ID != "" && n != nil && n.node.ID != "" && !equalFold(n.node.ID, c.ID) && !c.SkipNodeUpdate {
		if k := n.check(api.SerfHealth); k == nil || k.Status != api.Critical {
			return api.E(api.Refused, "node name "+c.Node+" is reserved by node "+n.node.ID+" with name "+n.node.Node+" ("+n.node.Address+")")
		}
	}
	for _, k := range c.Checks {
		if k.ServiceID == "" || c.Service != nil && sameID(c.Service.ID, k.ServiceID) {
			continue
		}
		if n == nil || n.instance(k.ServiceID) == nil {
			return api.E(api.Refused, "unknown service ID "+quote(k.ServiceID)+" for check ID "+quote(k.CheckID))
		}
	}
	return nil
}

func (c *Register) applyNode(d *draft, n *nodeDraft) *nodeDraft {
	if c.ID != "" {
		// The ID under another name: the node was renamed, its services stay
		// behind and go.
		if key, ok := d.next.nodeIDs.Get([]byte(lower(c.ID))); ok && key != NodeKey(c.Node) {
			if old := d.node(key); old != nil {
				d.because("renamed to "+c.Node, func() { d.removeNode(old) })
			}
		}
	}
	node := &api.Node{ID: lower(c.ID), Node: c.Node, Address: c.Address, Datacenter: c.Datacenter,
		TaggedAddresses: c.TaggedAddresses, Meta: c.Meta, CreateIndex: d.index, ModifyIndex: d.index}
	if n != nil {
		if sameNode(n.node, node) {
			return n
		}
		node.CreateIndex = n.node.CreateIndex
	}
	return d.setNode(node)
}

func sameNode(a, b *api.Node) bool {
	return a.ID == b.ID && a.Node == b.Node && a.Address == b.Address && a.Datacenter == b.Datacenter &&
		maps.Equal(a.TaggedAddresses, b.TaggedAddresses) && maps.Equal(a.Meta, b.Meta)
}

// applyService puts a service instance on a node unless an equal one is there.
func applyService(d *draft, n *nodeDraft, s *api.Service) {
	s.CreateIndex, s.ModifyIndex = d.index, d.index
	if old := n.instance(s.ID); old != nil {
		if sameService(old.Service, s) {
			if old.Service.Origin != s.Origin {
				d.setOrigin(n, old, s.Origin)
			}
			return
		}
		s.CreateIndex = old.Service.CreateIndex
	}
	d.shareService(s)
	d.setService(n, s)
}

func sameService(a, b *api.Service) bool {
	return a.ID == b.ID && a.Service == b.Service && a.Kind == b.Kind && a.Address == b.Address && a.Port == b.Port &&
		a.SocketPath == b.SocketPath && a.EnableTagOverride == b.EnableTagOverride &&
		slices.Equal(a.Tags, b.Tags) && maps.Equal(a.Meta, b.Meta) && maps.Equal(a.TaggedAddresses, b.TaggedAddresses) &&
		sameValue(a.Weights, b.Weights) && sameValue(a.Locality, b.Locality)
}

func sameValue[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func (c *Register) applyCheck(d *draft, n *nodeDraft, k *api.Check) {
	k.Node, k.Verdict = n.node.Node, nil
	k.CreateIndex, k.ModifyIndex = d.index, d.index
	if k.ServiceID != "" {
		s := n.instance(k.ServiceID).Service
		k.ServiceName, k.ServiceTags = s.Service, s.Tags
	}
	if old := n.check(k.CheckID); old != nil {
		if c.KeepStatus || sameProbe(old, k) {
			k.Status, k.Output = old.Status, old.Output
		}
		registerAgain(old, k)
		if sameCheck(old, k) {
			return
		}
		k.CreateIndex = old.CreateIndex
	}
	d.shareCheck(k)
	d.setCheck(n, k)
}

func sameCheck(a, b *api.Check) bool {
	return a.CheckID == b.CheckID && a.Name == b.Name && a.Status == b.Status && a.Notes == b.Notes && a.Output == b.Output &&
		a.ServiceID == b.ServiceID && a.ServiceName == b.ServiceName && slices.Equal(a.ServiceTags, b.ServiceTags) &&
		a.Type == b.Type && a.Interval == b.Interval && a.Timeout == b.Timeout && a.ExposedPort == b.ExposedPort &&
		sameDefinition(a.Definition, b.Definition) && sameDefinition(a.Probe, b.Probe)
}

func sameDefinition(a, b *api.CheckDefinition) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	if !slices.Equal(x.Args, y.Args) || !maps.EqualFunc(x.Header, y.Header, slices.Equal[[]string]) {
		return false
	}
	return string(appendDefinition(nil, &x)) == string(appendDefinition(nil, &y))
}

// dropOtherChecks removes the checks of an instance that keep does not name.
func dropOtherChecks(d *draft, n *nodeDraft, serviceID string, keep []*api.Check) {
	inst := n.instance(serviceID)
	d.because("not in the new registration", func() {
		for _, old := range inst.OwnChecks {
			if !slices.ContainsFunc(keep, func(k *api.Check) bool { return sameID(k.CheckID, old.CheckID) }) {
				d.removeCheck(n, old.CheckID)
			}
		}
	})
}

func (c *Deregister) apply(d *draft) Result {
	n := d.node(NodeKey(c.Node))
	removed := false
	switch {
	case n == nil:
	case c.ServiceID != "":
		removed = d.removeService(n, c.ServiceID)
	case c.CheckID != "":
		removed = d.removeCheck(n, c.CheckID)
	default:
		d.removeNode(n)
		removed = true
	}
	if removed || !c.MustExist {
		return done
	}
	switch {
	case c.ServiceID != "":
		return refuse(api.NotFound, "Unknown service ID %q. Ensure that the service ID is passed, not the service name.", c.ServiceID)
	case c.CheckID != "":
		return refuse(api.NotFound, "Unknown check ID %q. Ensure that the check ID is passed, not the check name.", c.CheckID)
	}
	return refuse(api.NotFound, "Unknown node %q", c.Node)
}
