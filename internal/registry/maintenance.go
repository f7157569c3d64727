package registry

import (
	"context"

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
	c := &api.Check{CheckID: api.NodeMaintenance, Name: "Node Maintenance Mode", Notes: reason}
	return r.setMaintenance(ctx, node, c, enable)
}

// SetServiceMaintenance does the same for a service instance; NotFound if no
// server's node has it.
func (r *Registry) SetServiceMaintenance(ctx context.Context, id string, enable bool, reason string) error {
	n, inst, err := findNow(ctx, r, r.FindService, id)
	if err != nil {
		return err
	}
	if inst == nil {
		return unknownService(id)
	}
	if reason == "" {
		reason = serviceMaintenanceNotes
	}
	c := &api.Check{CheckID: api.ServiceMaintenancePrefix + id, Name: "Service Maintenance Mode", Notes: reason, ServiceID: id}
	return r.setMaintenance(ctx, n.Node.Node, c, enable)
}

func (r *Registry) setMaintenance(ctx context.Context, node string, c *api.Check, enable bool) error {
	v, _ := r.State().Node(node)
	on := v != nil && v.Check(c.CheckID) != nil
	switch {
	case on == enable:
		return nil
	case !enable:
		r.log.Info("maintenance ends", "check", c.CheckID)
		return r.proposeHere(ctx, &store.Deregister{Node: node, CheckID: c.CheckID, By: store.By{Reason: "maintenance ended"}})
	}
	r.log.Info("maintenance begins", "check", c.CheckID, "reason", c.Notes)
	c.Status, c.Type, c.ServiceTags = api.Critical, "maintenance", []string{}
	return r.proposeHere(ctx, &store.Register{Node: node, SkipNodeUpdate: true, Checks: []*api.Check{c}})
}
