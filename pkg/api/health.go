package api

import (
	"context"
	"strings"
)

// Values beside Passing, Warning and Critical that stand for a state.
const (
	// AnyState stands for every check in Health.State.
	AnyState = "any"
	// Maintenance is the aggregated state of an instance that is in
	// maintenance, or whose node is.
	Maintenance = "maintenance"
)

// Health reads services together with the state of their checks.
type Health struct{ c *Client }

// Health returns the calls below /v1/health.
func (c *Client) Health() Health { return Health{c} }

// Service lists the instances of a service with their nodes and checks; none
// is no error. QueryOptions.Passing leaves out all that are not healthy.
func (h Health) Service(ctx context.Context, name string, q *QueryOptions) ([]*Entry, QueryMeta, error) {
	if err := named("service name", name); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[[]*Entry](ctx, h.c, "/v1/health/service/"+escape(name), nil, q)
}

// Node lists the checks of a node and of its service instances.
func (h Health) Node(ctx context.Context, node string, q *QueryOptions) ([]*Check, QueryMeta, error) {
	if err := named("node name", node); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[[]*Check](ctx, h.c, "/v1/health/node/"+escape(node), nil, q)
}

// Checks lists the checks of a service's instances, without those of nodes.
func (h Health) Checks(ctx context.Context, service string, q *QueryOptions) ([]*Check, QueryMeta, error) {
	if err := named("service name", service); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[[]*Check](ctx, h.c, "/v1/health/checks/"+escape(service), nil, q)
}

// State lists the checks in a state: Passing, Warning, Critical or AnyState.
func (h Health) State(ctx context.Context, state string, q *QueryOptions) ([]*Check, QueryMeta, error) {
	if err := named("state", state); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[[]*Check](ctx, h.c, "/v1/health/state/"+escape(state), nil, q)
}

// Status is the worst status of the entry's checks: Passing, Warning, Critical
// or Maintenance.
func (e *Entry) Status() string { return WorstStatus(e.Checks) }

// WorstStatus is the worst status of the checks: Passing (also if there are
// none), Warning, Critical, or Maintenance if one of them is a maintenance
// check. An unknown status counts as Critical.
func WorstStatus(checks []*Check) string {
	worst := Passing
	for _, c := range checks {
		if c.CheckID == NodeMaintenance || strings.HasPrefix(c.CheckID, ServiceMaintenancePrefix) {
			return Maintenance
		}
		switch c.Status {
		case Passing:
		case Warning:
			if worst == Passing {
				worst = Warning
			}
		default:
			worst = Critical
		}
	}
	return worst
}

// HostPort is where the instance can be reached: its own address, or its
// node's if it has none, and its port.
func (e *Entry) HostPort() (host string, port int) {
	switch {
	case e.Service == nil:
		return "", 0
	case e.Service.Address == "" && e.Node != nil:
		return e.Node.Address, e.Service.Port
	}
	return e.Service.Address, e.Service.Port
}
