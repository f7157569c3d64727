package api

import (
	"context"
	"fmt"
	"net/http"
)

// Queries stores and runs prepared queries.
type Queries struct{ c *Client }

// Queries returns the calls below /v1/query.
func (c *Client) Queries() Queries { return Queries{c} }

// QueryResult is what running a prepared query gave.
type QueryResult struct {
	Service    string
	Nodes      []*Entry
	DNS        QueryDNS
	Datacenter string // that answered
	Failovers  int    // how many datacenters were asked in vain before
}

// Create stores a query and returns its ID. p.ID must be empty.
func (s Queries) Create(ctx context.Context, p *PreparedQuery) (string, error) {
	var out struct{ ID string }
	err := s.c.write(ctx, &request{method: http.MethodPost, path: "/v1/query"}, p, &out)
	return out.ID, err
}

// Update replaces the query p.ID.
func (s Queries) Update(ctx context.Context, p *PreparedQuery) error {
	if err := named("query ID", p.ID); err != nil {
		return err
	}
	return s.c.put(ctx, "/v1/query/"+escape(p.ID), nil, p, nil)
}

// Delete removes a query.
func (s Queries) Delete(ctx context.Context, id string) error {
	if err := named("query ID", id); err != nil {
		return err
	}
	return s.c.write(ctx, &request{method: http.MethodDelete, path: "/v1/query/" + escape(id)}, nil, nil)
}

// List returns all stored queries.
func (s Queries) List(ctx context.Context, q *QueryOptions) ([]*PreparedQuery, QueryMeta, error) {
	return get[[]*PreparedQuery](ctx, s.c, "/v1/query", nil, q)
}

// Get returns a stored query by ID. The error is of kind NotFound if there is
// none.
func (s Queries) Get(ctx context.Context, id string, q *QueryOptions) (*PreparedQuery, QueryMeta, error) {
	if err := named("query ID", id); err != nil {
		return nil, QueryMeta{}, err
	}
	list, meta, err := get[[]*PreparedQuery](ctx, s.c, "/v1/query/"+escape(id), nil, q)
	if err == nil && len(list) == 0 {
		err = E(NotFound, fmt.Sprintf("no query %q", id))
	}
	if err != nil {
		return nil, meta, err
	}
	return list[0], meta, nil
}

// Execute runs a query by name or ID; a name may also fit a template. The
// order is random unless QueryOptions.Near asks for another. The error is of
// kind NotFound if no query fits.
func (s Queries) Execute(ctx context.Context, nameOrID string, q *QueryOptions) (*QueryResult, QueryMeta, error) {
	if err := named("query name", nameOrID); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[*QueryResult](ctx, s.c, "/v1/query/"+escape(nameOrID)+"/execute", nil, q)
}

// Explain returns the query that Execute would run, its template filled in.
func (s Queries) Explain(ctx context.Context, nameOrID string, q *QueryOptions) (*PreparedQuery, QueryMeta, error) {
	if err := named("query name", nameOrID); err != nil {
		return nil, QueryMeta{}, err
	}
	out, meta, err := get[struct{ Query *PreparedQuery }](ctx, s.c, "/v1/query/"+escape(nameOrID)+"/explain", nil, q)
	return out.Query, meta, err
}
