package api

import "context"

// Status asks the bare minimum of the cluster.
type Status struct{ c *Client }

// Status returns the calls below /v1/status.
func (c *Client) Status() Status { return Status{c} }

// Leader returns the address of the leader's server port, or "" while there
// is no leader.
func (s Status) Leader(ctx context.Context) (string, error) {
	leader, _, err := get[string](ctx, s.c, "/v1/status/leader", nil, nil)
	return leader, err
}

// Peers returns the addresses of all servers' server ports.
func (s Status) Peers(ctx context.Context) ([]string, error) {
	list, _, err := get[[]string](ctx, s.c, "/v1/status/peers", nil, nil)
	return list, err
}
