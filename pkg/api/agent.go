package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Agent asks the server that answers: services and checks registered through
// it, membership, and the server itself.
type Agent struct{ c *Client }

// Agent returns the calls below /v1/agent. Leave, Reload, Maintenance and
// those about the server itself go to the present server alone; Client.At
// chooses one.
func (c *Client) Agent() Agent { return Agent{c} }

// AgentSelf is what a server tells about itself.
type AgentSelf struct {
	Config      AgentConfig
	DebugConfig map[string]any
	Coord       *Coordinate
	Member      Member
	Stats       map[string]map[string]string
	Meta        map[string]string
}

// AgentConfig is the part of its configuration that a server always shows.
type AgentConfig struct {
	Datacenter        string
	PrimaryDatacenter string
	NodeName          string
	NodeID            string
	Revision          string
	Server            bool
	Version           string
	BuildDate         string
}

// AgentVersion is the build a server runs.
type AgentVersion struct {
	SHA          string
	BuildDate    string
	HumanVersion string
	FIPS         string
}

// Self describes the server.
func (a Agent) Self(ctx context.Context) (*AgentSelf, error) {
	return agentGet[*AgentSelf](ctx, a, "/v1/agent/self", nil)
}

// Version returns the server's build.
func (a Agent) Version(ctx context.Context) (*AgentVersion, error) {
	return agentGet[*AgentVersion](ctx, a, "/v1/agent/version", nil)
}

// Host describes the machine of the server; the keys are Memory, CPU, Host,
// Disk, CollectionTime and Errors.
func (a Agent) Host(ctx context.Context) (map[string]any, error) {
	return agentGet[map[string]any](ctx, a, "/v1/agent/host", nil)
}

// Members lists the servers of the cluster: failed ones too, and for a while those
// that left it, as Member.Status says. Wan names them as other datacenters do;
// filter selects ("" selects all).
func (a Agent) Members(ctx context.Context, wan bool, filter string) ([]*Member, error) {
	params := filterParam(filter)
	if wan {
		params.Set("wan", "1")
	}
	list, _, err := get[[]*Member](ctx, a.c, "/v1/agent/members", params, nil)
	return list, err
}

// Join makes the server join the cluster of the server at addr.
func (a Agent) Join(ctx context.Context, addr string, wan bool) error {
	params := url.Values{}
	if wan {
		params.Set("wan", "1")
	}
	return a.pinned(ctx, "/v1/agent/join/"+escape(addr), params, nil)
}

// Leave makes the server leave the cluster and end.
func (a Agent) Leave(ctx context.Context) error {
	return a.pinned(ctx, "/v1/agent/leave", nil, nil)
}

// ForceLeave declares a failed server gone. Prune also forgets it.
func (a Agent) ForceLeave(ctx context.Context, node string, prune bool) error {
	if err := named("node name", node); err != nil {
		return err
	}
	params := url.Values{}
	if prune {
		params.Set("prune", "")
	}
	return a.c.put(ctx, "/v1/agent/force-leave/"+escape(node), params, nil, nil)
}

// Reload makes the server read its configuration files again.
func (a Agent) Reload(ctx context.Context) error {
	return a.pinned(ctx, "/v1/agent/reload", nil, nil)
}

// Maintenance puts the server's node into maintenance or takes it out.
// A second reason does not replace the first.
func (a Agent) Maintenance(ctx context.Context, enable bool, reason string) error {
	return a.pinned(ctx, "/v1/agent/maintenance", maintenanceParams(enable, reason), nil)
}

// SetToken gives the server a token of a kind ("default", "agent",
// "replication", …) to use. The error is of kind Disabled while access control
// is off.
func (a Agent) SetToken(ctx context.Context, kind, token string) error {
	if err := named("token kind", kind); err != nil {
		return err
	}
	return a.pinned(ctx, "/v1/agent/token/"+escape(kind), nil, map[string]string{"Token": token})
}

// pinned writes to the present server and no other.
func (a Agent) pinned(ctx context.Context, path string, params url.Values, in any) error {
	return a.c.write(ctx, &request{method: http.MethodPut, path: path, params: params, pinned: true}, in, nil)
}

// agentGet reads from the present server and no other.
func agentGet[T any](ctx context.Context, a Agent, path string, params url.Values) (T, error) {
	out, _, err := decode[T](a.c.do(ctx, &request{method: http.MethodGet, path: path, params: params, pinned: true}))
	return out, err
}

func maintenanceParams(enable bool, reason string) url.Values {
	params := url.Values{"enable": {strconv.FormatBool(enable)}}
	if reason != "" {
		params.Set("reason", reason)
	}
	return params
}

func filterParam(filter string) url.Values {
	params := url.Values{}
	if filter != "" {
		params.Set("filter", filter)
	}
	return params
}
