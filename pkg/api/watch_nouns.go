package api

import (
	"context"
	"errors"
	"slices"
)

// WatchService calls fn with the instances of a service, their nodes and
// checks, now and at each change until ctx ends; see Watch. No instances is an
// empty list. With QueryOptions.Passing only healthy ones are seen.
func (c *Client) WatchService(ctx context.Context, name string, o *WatchOptions, fn func([]*Entry, QueryMeta)) error {
	return Watch(ctx, func(ctx context.Context, q *QueryOptions) ([]*Entry, QueryMeta, error) {
		return c.Health().Service(ctx, name, q)
	}, fn, o)
}

// WatchServices is Watch for the names of all services with their tags.
func (c *Client) WatchServices(ctx context.Context, o *WatchOptions, fn func(map[string][]string, QueryMeta)) error {
	return Watch(ctx, func(ctx context.Context, q *QueryOptions) (map[string][]string, QueryMeta, error) {
		m, meta, err := c.Catalog().Services(ctx, q)
		for _, tags := range m {
			slices.Sort(tags) // they come in no order, which is no change
		}
		return m, meta, err
	}, fn, o)
}

// WatchNodes is Watch for all nodes.
func (c *Client) WatchNodes(ctx context.Context, o *WatchOptions, fn func([]*Node, QueryMeta)) error {
	return Watch(ctx, c.Catalog().Nodes, fn, o)
}

// WatchNode is Watch for a node and its service instances; fn gets nil while
// there is no such node.
func (c *Client) WatchNode(ctx context.Context, node string, o *WatchOptions, fn func(*NodeServices, QueryMeta)) error {
	return Watch(ctx, func(ctx context.Context, q *QueryOptions) (*NodeServices, QueryMeta, error) {
		return orNil(c.Catalog().Node(ctx, node, q))
	}, fn, o)
}

// WatchChecks is Watch for the checks of a service's instances.
func (c *Client) WatchChecks(ctx context.Context, service string, o *WatchOptions, fn func([]*Check, QueryMeta)) error {
	return Watch(ctx, func(ctx context.Context, q *QueryOptions) ([]*Check, QueryMeta, error) {
		return c.Health().Checks(ctx, service, q)
	}, fn, o)
}

// WatchNodeChecks is Watch for the checks of a node and its service instances.
func (c *Client) WatchNodeChecks(ctx context.Context, node string, o *WatchOptions, fn func([]*Check, QueryMeta)) error {
	return Watch(ctx, func(ctx context.Context, q *QueryOptions) ([]*Check, QueryMeta, error) {
		return c.Health().Node(ctx, node, q)
	}, fn, o)
}

// WatchState is Watch for the checks in a state: Passing, Warning, Critical or
// AnyState.
func (c *Client) WatchState(ctx context.Context, state string, o *WatchOptions, fn func([]*Check, QueryMeta)) error {
	return Watch(ctx, func(ctx context.Context, q *QueryOptions) ([]*Check, QueryMeta, error) {
		return c.Health().State(ctx, state, q)
	}, fn, o)
}

// WatchKey is Watch for a key; fn gets nil while it does not exist.
func (c *Client) WatchKey(ctx context.Context, key string, o *WatchOptions, fn func(*KVPair, QueryMeta)) error {
	return Watch(ctx, func(ctx context.Context, q *QueryOptions) (*KVPair, QueryMeta, error) {
		return orNil(c.KV().Get(ctx, key, q))
	}, fn, o)
}

// WatchPrefix is Watch for all keys that begin with prefix.
func (c *Client) WatchPrefix(ctx context.Context, prefix string, o *WatchOptions, fn func([]*KVPair, QueryMeta)) error {
	return Watch(ctx, func(ctx context.Context, q *QueryOptions) ([]*KVPair, QueryMeta, error) {
		return c.KV().List(ctx, prefix, q)
	}, fn, o)
}

// WatchEvents is Watch for the events of a name ("" all), oldest first; each
// call has the whole list that is kept.
func (c *Client) WatchEvents(ctx context.Context, name string, o *WatchOptions, fn func([]*UserEvent, QueryMeta)) error {
	return Watch(ctx, func(ctx context.Context, q *QueryOptions) ([]*UserEvent, QueryMeta, error) {
		return c.Events().List(ctx, name, q)
	}, fn, o)
}

// WatchRoots is Watch for the certificates to trust.
func (c *Client) WatchRoots(ctx context.Context, o *WatchOptions, fn func(*CARoots, QueryMeta)) error {
	return Watch(ctx, c.CA().Roots, fn, o)
}

// WatchLeaf is Watch for a service's certificate, which is replaced before it
// ends.
func (c *Client) WatchLeaf(ctx context.Context, service string, o *WatchOptions, fn func(*LeafCert, QueryMeta)) error {
	return Watch(ctx, func(ctx context.Context, q *QueryOptions) (*LeafCert, QueryMeta, error) {
		return c.CA().Leaf(ctx, service, q)
	}, fn, o)
}

// orNil makes absence a state like others: nil.
func orNil[T any](v *T, meta QueryMeta, err error) (*T, QueryMeta, error) {
	if errors.Is(err, NotFound) && meta.Index > 0 {
		return nil, meta, nil
	}
	return v, meta, err
}
