package registry

import (
	"context"
	"fmt"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// An agent's endpoints name services and checks by ID alone. The ID is looked
// for on this server's own node first, then on the other servers', in order of
// name: a service may have moved to a survivor, and its owner should not need
// to know to which.

// OwnNode returns the view of this server's node, nil before it is registered.
func (r *Registry) OwnNode(st *store.State) *store.NodeView {
	v, _ := st.Node(r.cfg.Name)
	return v
}

// AgentNodes returns this server's node, then the other servers'.
func (r *Registry) AgentNodes(st *store.State) []*store.NodeView {
	var l []*store.NodeView
	own := r.OwnNode(st)
	if own != nil {
		l = append(l, own)
	}
	for _, n := range st.ServerNodes() {
		if n != own {
			l = append(l, n)
		}
	}
	return l
}

// FindService returns the node that has the service ID and the instance; nils
// if no server's node has it.
func (r *Registry) FindService(st *store.State, id string) (*store.NodeView, *store.Instance) {
	if own := r.OwnNode(st); own != nil {
		if i := own.Instance(id); i != nil {
			return own, i
		}
	}
	for _, n := range r.AgentNodes(st) {
		if i := n.Instance(id); i != nil {
			return n, i
		}
	}
	return nil, nil
}

// FindCheck returns the node that has the check ID and the check; nils if no
// server's node has it.
func (r *Registry) FindCheck(st *store.State, id string) (*store.NodeView, *api.Check) {
	if own := r.OwnNode(st); own != nil {
		if c := own.Check(id); c != nil {
			return own, c
		}
	}
	for _, n := range r.AgentNodes(st) {
		if c := n.Check(id); c != nil {
			return n, c
		}
	}
	return nil, nil
}

// findNow looks first in the state at hand and, when the thing is not there,
// once more in a state that is certainly fresh: it may have been registered
// through another server a moment ago.
func findNow[T any](ctx context.Context, r *Registry, find func(*store.State, string) (*store.NodeView, *T), id string) (*store.NodeView, *T, error) {
	if n, t := find(r.State(), id); t != nil {
		return n, t, nil
	}
	st, err := r.Read(ctx, raft.Default)
	if err != nil {
		return nil, nil, err
	}
	n, t := find(st, id)
	return n, t, nil
}

// findHeartbeat returns the check that a heartbeat with the ID is for. After the
// servers' nodes it looks at the others, where a check that was registered in
// the catalog with a TTL waits for heartbeats too; that there are several of the
// ID, and no node is named, is an error.
func (r *Registry) findHeartbeat(ctx context.Context, node, id string) (*store.NodeView, *api.Check, error) {
	if node != "" {
		return findNow(ctx, r, func(st *store.State, id string) (*store.NodeView, *api.Check) {
			v, _ := st.Node(node)
			if v == nil {
				return nil, nil
			}
			return v, v.Check(id)
		}, id)
	}
	n, c, err := findNow(ctx, r, r.FindCheck, id)
	if c != nil || err != nil {
		return n, c, err
	}
	r.State().ProbedNodes(func(v *store.NodeView) bool {
		k := v.Check(id)
		switch {
		case k == nil || k.Definition == nil || k.Definition.TTL <= 0:
		case c != nil:
			err = api.E(api.Invalid, fmt.Sprintf("Check ID %q is on nodes %s and %s: say which one is meant with ?node=", id, n.Node.Node, v.Node.Node))
		default:
			n, c = v, k
		}
		return err == nil
	})
	return n, c, err
}
