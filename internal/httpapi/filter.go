package httpapi

import (
	"strings"

	"github.com/hashicorp/go-bexpr"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// filterMax bounds the length of a filter expression, in bytes. Consul's
// longest documented ones are a tenth of it.
const filterMax = 16 << 10

// filter is a compiled ?filter= expression; nil lets everything pass.
type filter struct{ eval *bexpr.Evaluator }

// filterFor compiles the request's expression and tries it on an empty value
// of the type it will see, so that an unknown selector is an error even when
// there is nothing to look at.
func filterFor(q *request, sample any) (*filter, error) {
	expr := q.get("filter")
	if expr == "" {
		return nil, nil
	}
	if len(expr) > filterMax {
		return nil, api.E(api.Refused, "Failed to create boolean expression evaluator: the filter is too long")
	}
	eval, err := bexpr.CreateEvaluator(expr)
	if err != nil {
		return nil, api.Wrap(api.Refused, "Failed to create boolean expression evaluator", err)
	}
	f := &filter{eval}
	if sample != nil {
		if _, err := f.match(sample); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *filter) match(v any) (bool, error) {
	if f == nil {
		return true, nil
	}
	ok, err := f.eval.Evaluate(v)
	if err != nil {
		return false, api.Wrap(api.Refused, "Failed to filter results", err)
	}
	return ok, nil
}

// keep returns the items whose value matches.
func keep[T any](f *filter, items []T, value func(T) any) ([]T, error) {
	if f == nil {
		return items, nil
	}
	var out []T
	for _, i := range items {
		ok, err := f.match(value(i))
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, i)
		}
	}
	return out, nil
}

// entryOf is an instance as filters on /v1/health/service see it.
func entryOf(i *store.Instance) any {
	return filterEntry{Node: i.Node, Service: i.Service, Checks: i.Checks()}
}

type filterEntry struct {
	Node    *api.Node
	Service *api.Service
	Checks  []*api.Check
}

// catalogServiceOf is an instance as filters on /v1/catalog/service see it.
func catalogServiceOf(i *store.Instance) any {
	n, s := i.Node, i.Service
	return api.CatalogService{ID: n.ID, Node: n.Node, Address: n.Address, Datacenter: n.Datacenter, TaggedAddresses: n.TaggedAddresses, NodeMeta: n.Meta,
		ServiceKind: s.Kind, ServiceID: s.ID, ServiceName: s.Service, ServiceTags: s.Tags, ServiceAddress: s.Address,
		ServiceTaggedAddresses: s.TaggedAddresses, ServiceWeights: weights(s), ServiceMeta: s.Meta, ServicePort: s.Port,
		ServiceSocketPath: s.SocketPath, ServiceEnableTagOverride: s.EnableTagOverride}
}

// hasTags reports whether the tags include all wanted ones, in any case.
func hasTags(tags, want []string) bool {
next:
	for _, w := range want {
		for _, t := range tags {
			if strings.EqualFold(t, w) {
				continue next
			}
		}
		return false
	}
	return true
}
