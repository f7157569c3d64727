package store

import (
	"regexp"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"github.com/registryd/registryd/pkg/api"
)

// queryState is the prepared queries with the ways to find them.
type queryState struct {
	byID      *iradix.Tree[*query]
	byName    *iradix.Tree[*query] // lower-case name; no templates
	templates *iradix.Tree[*query] // lower-case prefix
	bySession *iradix.Tree[*query] // session ID, 0, query ID
}

// query is a prepared query, ready to be filled in if it is a template.
type query struct {
	*api.PreparedQuery
	pattern *regexp.Regexp // nil if there is none
}

func emptyQueries() queryState {
	return queryState{iradix.New[*query](), iradix.New[*query](), iradix.New[*query](), iradix.New[*query]()}
}

// Query returns a prepared query by ID, nil if there is none. Answers about
// queries have the index and the watch of TableQueries.
func (s *State) Query(id string) *api.PreparedQuery {
	if q, ok := s.queries.byID.Get([]byte(lower(id))); ok {
		return q.PreparedQuery
	}
	return nil
}

// Queries calls f for each prepared query in order of ID until it returns
// false.
func (s *State) Queries(f func(*api.PreparedQuery) bool) {
	s.queries.byID.Root().Walk(func(_ []byte, q *query) bool { return !f(q.PreparedQuery) })
}

// ResolveQuery finds the query that answers to an ID or a name: the one with
// the ID, that with the name, or the template with the longest prefix of the
// name, filled in. It is nil if there is none.
func (s *State) ResolveQuery(name string) *api.PreparedQuery {
	key := []byte(lower(name))
	if q, ok := s.queries.byID.Get(key); ok {
		if q.Template.Type == "" {
			return q.PreparedQuery
		}
		return q.fill(name)
	}
	if q, ok := s.queries.byName.Get(key); ok {
		return q.PreparedQuery
	}
	if _, q, ok := s.queries.templates.Root().LongestPrefix(key); ok {
		return q.fill(name)
	}
	return nil
}

// named returns the tree in which the query's name has to be unique; nil if
// it has no name to be found by.
func (s *queryState) named(q *api.PreparedQuery) **iradix.Tree[*query] {
	switch {
	case q.Template.Type != "":
		return &s.templates
	case q.Name != "":
		return &s.byName
	}
	return nil
}

func (s *queryState) add(q *query) {
	s.byID, _, _ = s.byID.Insert([]byte(q.ID), q)
	if tree := s.named(q.PreparedQuery); tree != nil {
		*tree, _, _ = (*tree).Insert([]byte(lower(q.Name)), q)
	}
	if q.Session != "" {
		s.bySession, _, _ = s.bySession.Insert([]byte(q.Session+"\x00"+q.ID), q)
	}
}

func (s *queryState) drop(q *query) {
	s.byID, _, _ = s.byID.Delete([]byte(q.ID))
	if tree := s.named(q.PreparedQuery); tree != nil {
		*tree, _, _ = (*tree).Delete([]byte(lower(q.Name)))
	}
	if q.Session != "" {
		s.bySession, _, _ = s.bySession.Delete([]byte(q.Session + "\x00" + q.ID))
	}
}
