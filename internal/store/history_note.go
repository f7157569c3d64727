package store

import (
	"maps"
	"slices"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// What the draft notes of its own changes. A check or an instance that comes
// and goes with what it belongs to is part of that: an instance that registers
// with three checks is one event.

// quietly runs f without noting what it does: the caller notes the whole.
func (d *draft) quietly(f func()) {
	d.quiet++
	f()
	d.quiet--
}

// because runs f with a reason for what it does.
func (d *draft) because(reason string, f func()) {
	before := d.by.Reason
	d.by.Reason = reason
	f()
	d.by.Reason = before
}

// noteCheck notes a check's new status. It was old before, nil if it is new;
// the instance it belongs to is in the draft.
func (d *draft) noteCheck(n *nodeDraft, old, c *api.Check) {
	if d.muted() || old != nil && old.Status == c.Status {
		return
	}
	e := api.HistoryEvent{Kind: api.HistoryCheck, Node: n.node.Node, ServiceID: c.ServiceID, Service: c.ServiceName, CheckID: c.CheckID, To: c.Status, Reason: c.Output}
	if old != nil {
		e.From = old.Status
		d.note(e)
		return
	}
	born := n.node.CreateIndex
	if inst := n.instance(c.ServiceID); inst != nil {
		born = inst.Service.CreateIndex
	}
	if born == d.index {
		return
	}
	e.Kind = api.HistoryRegistered
	if e.Reason == "" {
		e.Reason = c.Notes // why there is maintenance
	}
	d.note(e)
}

func (d *draft) noteNode(old, node *api.Node) {
	if d.muted() {
		return
	}
	e := api.HistoryEvent{Kind: api.HistoryRegistered, Node: node.Node}
	if old != nil {
		e.Kind, e.Reason = api.HistoryChanged, nodeDifference(old, node)
	}
	d.note(e)
}

// noteService notes an instance that is set; old is what had its ID.
func (d *draft) noteService(n *nodeDraft, old, s *api.Service) {
	if d.muted() {
		return
	}
	e := api.HistoryEvent{Kind: api.HistoryRegistered, Node: n.node.Node, ServiceID: s.ID, Service: s.Service}
	switch {
	case old == nil:
	case ServiceKey(old.Service) != ServiceKey(s.Service):
		d.noteRemoved(n, old.ID, old.Service, "", "", "its ID is now one of "+s.Service)
	default:
		e.Kind, e.Reason = api.HistoryChanged, serviceDifference(old, s)
	}
	d.note(e)
}

// noteRemoved notes what is taken away. Without a reason it is the command's,
// or that somebody asked for it.
func (d *draft) noteRemoved(n *nodeDraft, serviceID, service, checkID, status, reason string) {
	if d.muted() {
		return
	}
	if reason == "" && d.by.Reason == "" {
		reason = "deregistered"
	}
	d.note(api.HistoryEvent{Kind: api.HistoryRemoved, Node: n.node.Node, ServiceID: serviceID, Service: service, CheckID: checkID, From: status, Reason: reason})
}

func nodeDifference(a, b *api.Node) string {
	return differences(
		difference{"ID", a.ID == b.ID}, difference{"name", a.Node == b.Node}, difference{"address", a.Address == b.Address},
		difference{"tagged addresses", maps.Equal(a.TaggedAddresses, b.TaggedAddresses)}, difference{"meta", maps.Equal(a.Meta, b.Meta)})
}

func serviceDifference(a, b *api.Service) string {
	return differences(
		difference{"spelling of the ID", a.ID == b.ID}, difference{"kind", a.Kind == b.Kind}, difference{"address", a.Address == b.Address}, difference{"port", a.Port == b.Port},
		difference{"socket path", a.SocketPath == b.SocketPath}, difference{"tags", slices.Equal(a.Tags, b.Tags)}, difference{"meta", maps.Equal(a.Meta, b.Meta)},
		difference{"tagged addresses", maps.Equal(a.TaggedAddresses, b.TaggedAddresses)}, difference{"weights", sameValue(a.Weights, b.Weights)},
		difference{"locality", sameValue(a.Locality, b.Locality)}, difference{"tag override", a.EnableTagOverride == b.EnableTagOverride})
}

type difference struct {
	what string
	same bool
}

// differences names what is not the same.
func differences(l ...difference) string {
	var names []string
	for _, d := range l {
		if !d.same {
			names = append(names, d.what)
		}
	}
	if names == nil {
		return "another spelling of its name"
	}
	return strings.Join(names, ", ") + " changed"
}
