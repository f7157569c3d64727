package registry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sort"
	"time"

	"github.com/google/uuid"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// CreateQuery stores a new prepared query and returns its ID.
func (r *Registry) CreateQuery(ctx context.Context, q *api.PreparedQuery) (string, error) {
	if q.ID != "" {
		return "", api.E(api.Refused, "ID must be empty when creating a new prepared query")
	}
	n := *q
	n.ID = uuid.NewString()
	return n.ID, r.setQuery(ctx, &n, false)
}

// UpdateQuery replaces the prepared query that has the same ID.
func (r *Registry) UpdateQuery(ctx context.Context, q *api.PreparedQuery) error {
	return r.setQuery(ctx, q, true)
}

func (r *Registry) setQuery(ctx context.Context, q *api.PreparedQuery, update bool) error {
	if err := checkQuery(q); err != nil {
		return err
	}
	_, err := r.propose(ctx, &store.QuerySet{Update: update, Query: *q})
	return err
}

// checkQuery finds what is wrong with a definition whatever the state is.
func checkQuery(q *api.PreparedQuery) error {
	if q.Name == "" && q.Template.Type == "" && q.Session == "" {
		return api.E(api.Refused, "Must be bound to a session")
	}
	if err := store.CheckQuery(q); err != nil {
		return err
	}
	s := &q.Service
	if s.Service == "" {
		return api.E(api.Refused, "Must provide a Service name to query")
	}
	if s.Failover.NearestN < 0 {
		return api.E(api.Refused, "Bad NearestN, must be >= 0")
	}
	if len(s.Failover.Targets) > 0 && (s.Failover.NearestN != 0 || len(s.Failover.Datacenters) > 0) {
		return api.E(api.Refused, "Targets cannot be populated with NearestN or Datacenters")
	}
	for _, m := range []map[string]string{s.NodeMeta, s.ServiceMeta} {
		if err := checkMeta(m); err != nil {
			return err
		}
	}
	if q.DNS.TTL != "" {
		ttl, err := time.ParseDuration(q.DNS.TTL)
		if err != nil {
			return api.Wrap(api.Refused, "Bad DNS TTL '"+q.DNS.TTL+"'", err)
		}
		if ttl < 0 {
			return api.E(api.Refused, "DNS TTL '"+q.DNS.TTL+"', must be >=0")
		}
	}
	return nil
}

// checkMeta is ValidateMeta without the reserved names: a query may select by
// what servers say of themselves.
func checkMeta(m map[string]string) error {
	if len(m) > metaPairs {
		return api.E(api.Refused, fmt.Sprintf("Node metadata cannot contain more than %d key/value pairs", metaPairs))
	}
	for k, v := range m {
		if k == "" {
			return api.E(api.Refused, "Couldn't load metadata pair ('', '"+v+"'): Key cannot be blank")
		}
		if len(k) > metaKeyMax || len(v) > metaValueMax {
			return api.E(api.Refused, "Couldn't load metadata pair of key '"+k+"': key or value is too long")
		}
	}
	return nil
}

// DeleteQuery removes a prepared query.
func (r *Registry) DeleteQuery(ctx context.Context, id string) error {
	_, err := r.propose(ctx, &store.QueryDelete{ID: id})
	return err
}

// FindQuery returns the query that answers to an ID or a name, with its
// template filled in; NotFound if there is none.
func FindQuery(st *store.State, name string) (*api.PreparedQuery, error) {
	if q := st.ResolveQuery(name); q != nil {
		return q, nil
	}
	return nil, api.E(api.NotFound, "Query not found")
}

// RunQuery returns the instances that a query gives, at most limit if that is
// above zero: in random order, or the nearest first if near (or else the query)
// names a node. "_agent" and "_ip" stand for this server.
func (r *Registry) RunQuery(st *store.State, q *api.PreparedQuery, near string, limit int) []*store.Instance {
	l := append([]*store.Instance(nil), st.QueryInstances(&q.Service)...)
	rand.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
	if near == "" {
		near = q.Service.Near
	}
	if near != "" {
		l = Nearest(r, st, near, l, func(i *store.Instance) string { return i.Node.Node })
	}
	if limit > 0 && len(l) > limit {
		l = l[:limit]
	}
	return l
}

// Nearest returns the list ordered by distance from a node ("_agent" and "_ip"
// are this server's). What is at an unknown distance keeps its order and comes
// last, so without coordinates nothing changes.
func Nearest[T any](r *Registry, st *store.State, near string, list []T, node func(T) string) []T {
	if near == "_agent" || near == "_ip" {
		near = r.cfg.Name
	}
	if len(st.NodeCoordinates(near)) == 0 {
		return list
	}
	type placed struct {
		item     T
		distance float64
	}
	l := make([]placed, len(list))
	for i, v := range list {
		l[i] = placed{v, st.Distance(near, node(v))}
	}
	sort.SliceStable(l, func(i, j int) bool { return l[i].distance < l[j].distance })
	out := make([]T, len(l))
	for i, p := range l {
		out[i] = p.item
	}
	return out
}
