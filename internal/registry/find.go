package registry

import (
	"context"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// An agent's endpoints name services and checks by ID alone. The ID is looked
// for on this server's own node first, then among what was registered through
// this server and handed over, then on the other servers' nodes in order of
// name and on the refuges: a service may have moved to a survivor, and its owner
// should not need to know to which.

// OwnNode returns the view of this server's node, nil before it is registered.
func (r *Registry) OwnNode(st *store.State) *store.NodeView {
	v, _ := st.Node(r.cfg.Name)
	return v
}

// AgentNodes returns this server's node, then the others that have what was
// registered through agent endpoints.
func (r *Registry) AgentNodes(st *store.State) []*store.NodeView {
	var l []*store.NodeView
	own := r.OwnNode(st)
	if own != nil {
		l = append(l, own)
	}
	for _, n := range st.AgentNodes() {
		if n != own {
			l = append(l, n)
		}
	}
	return l
}

// FindService returns the node that has the service ID and the instance; nils
// if no agent's node has it.
func (r *Registry) FindService(st *store.State, id string) (*store.NodeView, *store.Instance) {
	return find(r, st, func(n *store.NodeView) (*store.Instance, *store.Instance) {
		i := n.Instance(id)
		return i, i
	})
}

// FindCheck returns the node that has the check ID and the check; nils if no
// agent's node has it.
func (r *Registry) FindCheck(st *store.State, id string) (*store.NodeView, *api.Check) {
	return find(r, st, func(n *store.NodeView) (*api.Check, *store.Instance) {
		c := n.Check(id)
		if c == nil || c.ServiceID == "" {
			return c, nil
		}
		return c, n.Instance(c.ServiceID)
	})
}

// find returns what on finds on the first node that has it, and that node; on
// returns the instance it belongs to, too.
func find[T any](r *Registry, st *store.State, on func(*store.NodeView) (*T, *store.Instance)) (at *store.NodeView, found *T) {
	if own := r.OwnNode(st); own != nil {
		if t, _ := on(own); t != nil {
			return own, t
		}
	}
	for _, n := range r.AgentNodes(st) {
		t, i := on(n)
		if t != nil && i != nil && store.NodeKey(i.Service.Origin) == store.NodeKey(r.cfg.Name) {
			return n, t
		}
		if t != nil && found == nil {
			at, found = n, t
		}
	}
	return at, found
}

// finder looks a thing up by its ID in a state: the node that has it, and the
// thing; nils if there is none.
type finder[T any] func(st *store.State, id string) (*store.NodeView, *T)

// looks is how often a write by ID looks for the thing in a fresh state. Once
// will do, unless it moves at this very moment.
const looks = 3

// act does something with what has the ID, on the node that has it. It looks in
// st first, which may be old: the thing may have been registered, moved or
// removed through another server a moment ago. So when it is not there, or do
// says that it is gone from that node, it is looked for once more in a state that
// is certainly fresh. Absent is the error for what is nowhere then.
func act[T any](ctx context.Context, r *Registry, st *store.State, find finder[T], id string, absent error, do func(*store.NodeView) error) error {
	for look := 0; ; look++ {
		n, t := find(st, id)
		switch {
		case t != nil:
			if err := do(n); err == nil || !goneThere(err) || look == looks {
				return err
			}
		case look > 0:
			return absent
		}
		var err error
		if st, err = r.Read(ctx, raft.Default); err != nil {
			return err
		}
	}
}

// goneThere reports whether the error of a write may mean that what it was about
// is not on that node: a command that removes something answers NotFound then, one
// that adds a check to an instance is refused.
func goneThere(err error) bool {
	k := api.ErrorKind(err)
	return k == api.NotFound || k == api.Refused
}
