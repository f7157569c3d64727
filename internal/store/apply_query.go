package store

import (
	"github.com/registryd/registryd/pkg/api"
)

// QuerySet stores a prepared query under its ID. With Update the ID must
// exist, without it must not.
type QuerySet struct {
	Update bool
	Query  api.PreparedQuery
}

// QueryDelete removes a prepared query.
type QueryDelete struct {
	ID string
}

func (*QuerySet) kind() byte    { return kindQuerySet }
func (*QueryDelete) kind() byte { return kindQueryDelete }

func (c *QuerySet) apply(d *draft) Result {
	p := c.Query
	p.ID = lower(p.ID)
	s := &d.next.queries
	old, exists := s.byID.Get([]byte(p.ID))
	if exists != c.Update {
		if c.Update {
			return refuse(api.Refused, "Cannot modify non-existent prepared query: '%s'", p.ID)
		}
		return refuse(api.Refused, "prepared query '%s' exists already", p.ID)
	}
	q, err := compileQuery(&p)
	if err != nil {
		return Result{Err: err}
	}
	if err := d.queryFits(q, old); err != nil {
		return Result{Err: err}
	}
	p.CreateIndex, p.ModifyIndex = d.index, d.index
	if exists {
		p.CreateIndex = old.CreateIndex
		s.drop(old)
	}
	s.add(q)
	d.touch(TableQueries)
	d.records.put(bucketQueries, p.ID, &p)
	return done
}

// queryFits says what stands against the query in the present state.
func (d *draft) queryFits(q, old *query) error {
	s := &d.next.queries
	if q.Session != "" {
		if _, ok := d.next.sessions.byID.Get([]byte(q.Session)); !ok {
			return api.E(api.Refused, "invalid session "+quote(q.Session))
		}
	}
	if _, ok := s.byID.Get([]byte(lower(q.Name))); ok && q.Name != "" {
		return api.E(api.Refused, "name '"+q.Name+"' aliases an existing query ID")
	}
	if tree := s.named(q.PreparedQuery); tree != nil {
		if other, ok := (*tree).Get([]byte(lower(q.Name))); ok && (old == nil || other.ID != old.ID) {
			return api.E(api.Refused, "name '"+q.Name+"' aliases an existing query name")
		}
	}
	return nil
}

func (c *QueryDelete) apply(d *draft) Result {
	q, ok := d.next.queries.byID.Get([]byte(lower(c.ID)))
	if !ok {
		return refuse(api.Refused, "Cannot delete non-existent prepared query: '%s'", c.ID)
	}
	d.dropQuery(q)
	return done
}

func (d *draft) dropQuery(q *query) {
	d.next.queries.drop(q)
	d.touch(TableQueries)
	d.records.remove(bucketQueries, q.ID)
}

// endQueries removes the queries that are bound to a session.
func (d *draft) endQueries(session string) {
	var l []*query
	d.next.queries.bySession.Root().WalkPrefix([]byte(session+"\x00"), func(_ []byte, q *query) bool {
		l = append(l, q)
		return false
	})
	for _, q := range l {
		d.dropQuery(q)
	}
}
