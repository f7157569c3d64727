package registry

import (
	"context"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Texts of maintenance checks, Consul's: people grep for them.
const (
	nodeMaintenanceNotes    = "Maintenance mode is enabled for this node, but no reason was provided. This is a default message."
	serviceMaintenanceNotes = "Maintenance mode is enabled for this service, but no reason was provided. This is a default message."
)

// SetNodeMaintenance puts this server's node into maintenance or takes it out.
// A node that is in maintenance already keeps its first reason.
func (r *Registry) SetNodeMaintenance(ctx context.Context, enable bool, reason string) error {
	if reason == "" {
		reason = nodeMaintenanceNotes
	}
	node, err := r.home(ctx)
	if err != nil {
		return err
	}
	own := func(st *store.State, _ string) (n, t *store.NodeView) {
		n = r.OwnNode(st)
		return n, n
	}
	c := &api.Check{CheckID: api.NodeMaintenance, Name: "Node Maintenance Mode", Notes: reason}
	return setMaintenance(ctx, r, own, node, c, enable, api.E(api.NotFound, "Unknown node "+node))
}

// SetServiceMaintenance does the same for a service instance; NotFound if no
// server's node has it.
func (r *Registry) SetServiceMaintenance(ctx context.Context, id string, enable bool, reason string) error {
	if reason == "" {
		reason = serviceMaintenanceNotes
	}
	c := &api.Check{CheckID: api.ServiceMaintenancePrefix + id, Name: "Service Maintenance Mode", Notes: reason, ServiceID: id}
	return setMaintenance(ctx, r, r.FindService, id, c, enable, unknownService(id))
}

// setMaintenance begins in a fresh state. In an old one it would find nothing to
// do where another server has just begun or ended maintenance; and it is rare
// enough to ask the leader each time.
func setMaintenance[T any](ctx context.Context, r *Registry, find finder[T], id string, c *api.Check, enable bool, absent error) error {
	st, err := r.Read(ctx, raft.Default)
	if err != nil {
		return err
	}
	return act(ctx, r, st, find, id, absent, func(n *store.NodeView) error {
		switch on := n.Check(c.CheckID) != nil; {
		case on == enable:
			return nil
		case !enable:
			r.log.Info("maintenance ends", "check", c.CheckID)
			return r.proposeHere(ctx, &store.Deregister{Node: n.Node.Node, CheckID: c.CheckID, MustExist: true, By: store.By{Reason: "maintenance ended"}})
		}
		r.log.Info("maintenance begins", "check", c.CheckID, "reason", c.Notes)
		k := *c
		k.Status, k.Type, k.ServiceTags = api.Critical, "maintenance", []string{}
		return r.proposeHere(ctx, &store.Register{Node: n.Node.Node, SkipNodeUpdate: true, Checks: []*api.Check{&k}})
	})
}
