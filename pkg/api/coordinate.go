package api

import "context"

// Coordinates reads and writes network coordinates, from which the round-trip
// time between two nodes can be estimated.
type Coordinates struct{ c *Client }

// Coordinates returns the calls below /v1/coordinate.
func (c *Client) Coordinates() Coordinates { return Coordinates{c} }

// DatacenterCoordinates are the coordinates of the servers of a datacenter.
type DatacenterCoordinates struct {
	Datacenter  string
	AreaID      string
	Coordinates []CoordinateEntry
}

// Datacenters returns the coordinates of all servers by datacenter.
func (k Coordinates) Datacenters(ctx context.Context) ([]*DatacenterCoordinates, error) {
	list, _, err := get[[]*DatacenterCoordinates](ctx, k.c, "/v1/coordinate/datacenters", nil, nil)
	return list, err
}

// Nodes returns the coordinates of all nodes that have one.
func (k Coordinates) Nodes(ctx context.Context, q *QueryOptions) ([]*CoordinateEntry, QueryMeta, error) {
	return get[[]*CoordinateEntry](ctx, k.c, "/v1/coordinate/nodes", nil, q)
}

// Node returns the coordinates of a node. The error is of kind NotFound if
// there are none.
func (k Coordinates) Node(ctx context.Context, node string, q *QueryOptions) ([]*CoordinateEntry, QueryMeta, error) {
	if err := named("node name", node); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[[]*CoordinateEntry](ctx, k.c, "/v1/coordinate/node/"+escape(node), nil, q)
}

// Update reports a node's coordinate. It shows within seconds.
func (k Coordinates) Update(ctx context.Context, e *CoordinateEntry) error {
	return k.c.put(ctx, "/v1/coordinate/update", nil, e, nil)
}
