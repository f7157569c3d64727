package store

import (
	"slices"
	"strconv"

	"github.com/registryd/registryd/pkg/api"
)

// A refuge is a node for instances that were handed over and that no live
// server could take, since each has their ID or that of one of their checks. It
// is named after the server they were registered through, has no serfHealth,
// and goes with its last instance. Its checks are run by the live servers, as
// those of any node that is no server.

// metaRefuge marks a refuge; its value is the server's name.
const metaRefuge = "handed-over-from"

func isRefuge(n *api.Node) bool { return n.Meta[metaRefuge] != "" }

// refuge returns the first refuge of a server that can take the instance, a new
// one if there is none.
func (d *draft) refuge(origin string, from *nodeDraft, inst *Instance) *nodeDraft {
	base := origin + "-handed-over"
	for name, i := base, 2; ; name, i = base+"-"+strconv.Itoa(i), i+1 {
		n := d.node(NodeKey(name))
		if n == nil {
			return d.setNode(&api.Node{Node: name, Address: from.node.Address, Datacenter: from.node.Datacenter,
				Meta: map[string]string{metaRefuge: origin}, CreateIndex: d.index, ModifyIndex: d.index})
		}
		if isRefuge(n.node) && n.takes(inst) {
			return n
		}
	}
}

// followRefuge keeps State.refuges; node is nil when it went.
func (d *draft) followRefuge(key string, node *api.Node) {
	i, listed := slices.BinarySearch(d.next.refuges, key)
	switch is := node != nil && isRefuge(node); {
	case is == listed:
	case is:
		d.next.refuges = slices.Insert(slices.Clone(d.next.refuges), i, key)
	default:
		d.next.refuges = slices.Delete(slices.Clone(d.next.refuges), i, i+1)
	}
}

// vacated notes that a node may have lost the last of what it is there for.
func (d *draft) vacated(n *nodeDraft) {
	if len(n.instances) == 0 && !slices.Contains(d.vacant, n) {
		d.vacant = append(d.vacant, n)
	}
}

// removeVacant removes, at the end of a command, the refuges that have no
// instance any more, and what was kept of former servers for nothing.
func (d *draft) removeVacant() {
	for _, n := range d.vacant {
		if n.node != nil && len(n.instances) == 0 && (isRefuge(n.node) || d.isLeftBehind(n) && !n.carries()) {
			d.because("the last it was there for went", func() { d.removeNode(n) })
		}
	}
	d.vacant = nil
}
