package registry

import (
	"cmp"
	"context"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// localKey marks a context, see Local.
type localKey struct{}

// Local returns a context for registering what stands in this server's own
// configuration files: whoever may write those may be trusted with more than
// whoever reaches the API (enable_local_script_checks).
func Local(ctx context.Context) context.Context { return context.WithValue(ctx, localKey{}, true) }

func isLocal(ctx context.Context) bool { return ctx.Value(localKey{}) != nil }

// ServiceID returns the ID that a service gets.
func ServiceID(reg *api.ServiceRegistration) string { return cmp.Or(reg.ID, reg.Name) }

// ServiceCheckIDs returns the IDs that the checks of a service get.
func ServiceCheckIDs(reg *api.ServiceRegistration) []string {
	var ids []string
	all := allChecks(reg)
	for i, c := range all {
		ids = append(ids, serviceCheckID(ServiceID(reg), c, i, len(all)))
	}
	return ids
}

// goneFromFiles is what the history says of what DropService and DropCheck
// deregister.
const goneFromFiles = "no longer in the configuration files"

// DropService deregisters an instance that this server registered from its
// configuration files, on its own node or, if it was handed over while this
// server was away, on that of another. The instance must still have that name,
// address and port: another one of the ID is somebody else's. That there is
// none is no error.
func (r *Registry) DropService(ctx context.Context, id, name, address string, port int) error {
	st := r.State()
	own := r.OwnNode(st)
	for _, n := range r.AgentNodes(st) {
		i := n.Instance(id)
		if i == nil || n != own && store.NodeKey(i.Service.Origin) != store.NodeKey(r.cfg.Name) {
			continue
		}
		if s := i.Service; s.Service != name || s.Address != address || s.Port != port {
			continue
		}
		err := r.proposeHere(ctx, &store.Deregister{Node: n.Node.Node, ServiceID: id, By: store.By{Reason: goneFromFiles}})
		if err == nil {
			r.log.Info("service deregistered", "service", id, "reason", goneFromFiles)
		}
		return err
	}
	return nil
}

// DropCheck deregisters a check that this server registered from its
// configuration files, of its own node or of a service there. That there is
// none is no error.
func (r *Registry) DropCheck(ctx context.Context, id, serviceID string) error {
	own := r.OwnNode(r.State())
	if own == nil {
		return nil
	}
	if c := own.Check(id); c == nil || c.ServiceID != serviceID {
		return nil
	}
	err := r.proposeHere(ctx, &store.Deregister{Node: own.Node.Node, CheckID: id, By: store.By{Reason: goneFromFiles}})
	if err == nil {
		r.log.Info("check deregistered", "check", id, "reason", goneFromFiles)
	}
	return err
}
