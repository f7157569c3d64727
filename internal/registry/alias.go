package registry

import (
	"context"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// AliasStatus tells an alias check how the service instance it follows (or,
// with serviceID empty, the node) fares. It waits while the index is prev and
// returns when ctx ends.
func (r *Registry) AliasStatus(ctx context.Context, node, serviceID string, prev uint64) (status, output string, index uint64) {
	for {
		st := r.State()
		v, absent := st.Node(node)
		watch := absent
		index = st.AbsentNodeIndex()
		var of []*api.Check
		found := false
		if v != nil {
			of, found = aliased(v, serviceID)
			index = max(v.ChecksIndex, v.CatalogIndex)
			watch = v.Health.C()
		}
		if index != prev {
			if !found {
				return api.Critical, "Service " + serviceID + " could not be found on node " + node, index
			}
			status, output = checks.Worst(of)
			return status, output, index
		}
		var catalog <-chan struct{}
		if v != nil {
			catalog = v.Catalog.C()
		}
		select {
		case <-watch:
		case <-catalog:
		case <-ctx.Done():
			return api.Critical, ctx.Err().Error(), prev
		}
	}
}

// aliased returns the checks that an alias of the service (or node) follows.
func aliased(v *store.NodeView, serviceID string) ([]*api.Check, bool) {
	if serviceID != "" {
		i := v.Instance(serviceID)
		if i == nil {
			return nil, false
		}
		return i.Checks(), true
	}
	var l []*api.Check
	for _, c := range v.Checks {
		if c.ServiceID == "" && c.Type != "alias" {
			l = append(l, c)
		}
	}
	return l, true
}
