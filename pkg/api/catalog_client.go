package api

import (
	"context"
	"fmt"
)

// Catalog reads and writes the catalog: nodes, service instances and checks as
// the cluster has them.
type Catalog struct{ c *Client }

// Catalog returns the calls below /v1/catalog.
func (c *Client) Catalog() Catalog { return Catalog{c} }

// Register puts a node, and what r has of a service instance and checks, into
// the catalog. What is there already is replaced; equal content changes
// nothing.
func (k Catalog) Register(ctx context.Context, r *CatalogRegistration) error {
	return k.c.put(ctx, "/v1/catalog/register", nil, r, nil)
}

// Deregister removes a node, a service instance or a check. That it does not
// exist is no error.
func (k Catalog) Deregister(ctx context.Context, d *CatalogDeregistration) error {
	return k.c.put(ctx, "/v1/catalog/deregister", nil, d, nil)
}

// Datacenters lists the known datacenters, nearest first.
func (k Catalog) Datacenters(ctx context.Context) ([]string, error) {
	list, _, err := get[[]string](ctx, k.c, "/v1/catalog/datacenters", nil, nil)
	return list, err
}

// Nodes lists the nodes.
func (k Catalog) Nodes(ctx context.Context, q *QueryOptions) ([]*Node, QueryMeta, error) {
	return get[[]*Node](ctx, k.c, "/v1/catalog/nodes", nil, q)
}

// Services returns the names of all services with the tags of their
// instances, each once, in no order.
func (k Catalog) Services(ctx context.Context, q *QueryOptions) (map[string][]string, QueryMeta, error) {
	return get[map[string][]string](ctx, k.c, "/v1/catalog/services", nil, q)
}

// Service lists the instances of a service, healthy or not; none is no error.
func (k Catalog) Service(ctx context.Context, name string, q *QueryOptions) ([]*CatalogService, QueryMeta, error) {
	if err := named("service name", name); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[[]*CatalogService](ctx, k.c, "/v1/catalog/service/"+escape(name), nil, q)
}

// Node returns a node with its service instances, by name or full ID. If there
// is none the error is of kind NotFound, and QueryMeta is still right.
func (k Catalog) Node(ctx context.Context, node string, q *QueryOptions) (*NodeServices, QueryMeta, error) {
	if err := named("node name", node); err != nil {
		return nil, QueryMeta{}, err
	}
	ns, meta, err := get[*NodeServices](ctx, k.c, "/v1/catalog/node-services/"+escape(node), nil, q)
	if err == nil && (ns == nil || ns.Node == nil) {
		return nil, meta, E(NotFound, fmt.Sprintf("no node %q", node))
	}
	return ns, meta, err
}
