package registry

import (
	"cmp"
	"context"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// AliasStatus tells an alias check how what it stands for fares. It waits while
// the index is prev and returns when ctx ends.
func (r *Registry) AliasStatus(ctx context.Context, a checks.Alias, prev uint64) (status, output string, index uint64) {
	for {
		seen := r.aliased(r.State(), a)
		switch {
		case seen.index == prev:
		case seen.missing != "":
			return api.Critical, seen.missing, seen.index
		default:
			status, output = checks.Worst(seen.checks)
			return status, output, seen.index
		}
		select {
		case <-seen.news[0]:
		case <-seen.news[1]:
		case <-seen.news[2]:
		case <-ctx.Done():
			return api.Critical, ctx.Err().Error(), prev
		}
	}
}

// aliased is what one state has of what an alias check stands for.
type aliased struct {
	checks  []*api.Check
	missing string             // what could not be found; empty: it was
	index   uint64             // moves with every change of the above
	news    [3]<-chan struct{} // one is closed after such a change; nil ones never
}

func (r *Registry) aliased(st *store.State, a checks.Alias) aliased {
	switch {
	case a.Node == "":
		return r.aliasedService(st, a)
	case a.Service == "":
		return onNode(st, a.Node, "Node "+a.Node+" could not be found", func(v *store.NodeView) ([]*api.Check, bool) { return aliasedNode(v), true })
	}
	return onNode(st, a.Node, "Service "+a.Service+" could not be found on node "+a.Node, func(v *store.NodeView) ([]*api.Check, bool) {
		i := v.Instance(a.Service)
		if i == nil {
			return nil, false
		}
		return i.Checks(), true
	})
}

// onNode is for an alias that names its node.
func onNode(st *store.State, node, missing string, of func(*store.NodeView) ([]*api.Check, bool)) aliased {
	v, absent := st.Node(node)
	if v == nil {
		return aliased{missing: missing, index: st.AbsentNodeIndex(), news: [3]<-chan struct{}{absent}}
	}
	s := aliased{index: max(v.ChecksIndex, v.CatalogIndex), news: [3]<-chan struct{}{v.Health.C(), v.Catalog.C()}}
	var found bool
	if s.checks, found = of(v); !found {
		s.missing = missing
	}
	return s
}

// aliasedNode returns the checks that an alias of a node follows.
func aliasedNode(v *store.NodeView) (l []*api.Check) {
	for _, c := range v.Checks {
		if c.ServiceID == "" && c.Type != "alias" {
			l = append(l, c)
		}
	}
	return l
}

// aliasedService is for an alias that names a service ID alone. It means the
// instance that was registered through the same server as the check: when that
// failed, the two may have been handed to different ones. Where there is none it
// is whichever the ID stands for, as for an agent's endpoints, since a client may
// register the two through different servers.
//
// Whether it is found, and where, changes with the catalog of one of these nodes
// only. So an index that is no lower than any of theirs has moved when the
// instance is another than before.
func (r *Registry) aliasedService(st *store.State, a checks.Alias) (s aliased) {
	s.index = st.AbsentNodeIndex()
	nodes := r.AgentNodes(st)
	home, _ := st.Node(a.Of.Node)
	if home != nil {
		nodes = append([]*store.NodeView{home}, nodes...)
		s.news[2] = home.Catalog.C()
	}
	from := registeredThrough(home, a.Of)
	var on *store.NodeView
	var i *store.Instance
	for _, v := range nodes {
		s.index = max(s.index, v.CatalogIndex)
		if k := v.Instance(a.Service); i == nil && k != nil && store.NodeKey(cmp.Or(k.Service.Origin, v.Node.Node)) == from {
			on, i = v, k
		}
	}
	if i == nil {
		on, i = r.FindService(st, a.Service)
	}
	if i == nil {
		s.missing = "Service " + a.Service + " could not be found on node " + a.Of.Node + ", nor on another server"
		s.news[0] = st.Table(store.TableServices).Watch.C()
		return s
	}
	s.checks, s.index = i.Checks(), max(s.index, on.ChecksIndex)
	s.news[0], s.news[1] = on.Health.C(), on.Catalog.C()
	return s
}

// registeredThrough returns the key of the node that a check of an instance was
// registered on, before that was handed over; v is the node it is on.
func registeredThrough(v *store.NodeView, id checks.ID) string {
	if v != nil {
		if c := v.Check(id.CheckID); c != nil && c.ServiceID != "" {
			if i := v.Instance(c.ServiceID); i != nil && i.Service.Origin != "" {
				return store.NodeKey(i.Service.Origin)
			}
		}
	}
	return store.NodeKey(id.Node)
}
