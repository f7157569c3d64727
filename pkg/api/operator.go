package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Operator looks after the servers of the cluster.
type Operator struct{ c *Client }

// Operator returns the calls below /v1/operator.
func (c *Client) Operator() Operator { return Operator{c} }

// RaftConfiguration is the set of servers that agree on the log.
type RaftConfiguration struct {
	Servers []*RaftServer
	Index   uint64
}

// RaftServer is one of them.
type RaftServer struct {
	ID              string
	Node            string
	Address         string // of its server port
	Leader          bool
	ProtocolVersion string
	Voter           bool
	LastIndex       uint64 // of its log, as far as the leader knows
}

// RaftConfiguration returns the set of servers.
func (o Operator) RaftConfiguration(ctx context.Context, q *QueryOptions) (*RaftConfiguration, error) {
	out, _, err := get[*RaftConfiguration](ctx, o.c, "/v1/operator/raft/configuration", nil, q)
	return out, err
}

// RemovePeer takes a server that is gone for good out of the set, by its ID.
func (o Operator) RemovePeer(ctx context.Context, id string) error {
	return o.removePeer(ctx, "id", id)
}

// RemovePeerAddress is RemovePeer by the address of the server port.
func (o Operator) RemovePeerAddress(ctx context.Context, addr string) error {
	return o.removePeer(ctx, "address", addr)
}

func (o Operator) removePeer(ctx context.Context, by, value string) error {
	if err := named("server "+by, value); err != nil {
		return err
	}
	return o.c.write(ctx, &request{method: http.MethodDelete, path: "/v1/operator/raft/peer", params: url.Values{by: {value}}}, nil, nil)
}

// TransferLeader makes another server the leader: the one with the ID, or any
// if it is empty.
func (o Operator) TransferLeader(ctx context.Context, id string) error {
	params := url.Values{}
	if id != "" {
		params.Set("id", id)
	}
	return o.c.write(ctx, &request{method: http.MethodPost, path: "/v1/operator/raft/transfer-leader", params: params}, nil, nil)
}

// AutopilotHealth is the leader's opinion of the servers.
type AutopilotHealth struct {
	Healthy          bool
	FailureTolerance int // how many servers may fail without an outage
	Servers          []*ServerHealth
}

// ServerHealth is the leader's opinion of one server.
type ServerHealth struct {
	ID          string
	Name        string
	Address     string
	SerfStatus  string // "alive", "failed", …
	Version     string
	Leader      bool
	LastContact Duration // with the leader; text such as "12ms"
	LastTerm    uint64
	LastIndex   uint64
	Healthy     bool
	Voter       bool
	StableSince time.Time
}

// AutopilotState is AutopilotHealth in more detail.
type AutopilotState struct {
	Healthy                    bool
	FailureTolerance           int
	OptimisticFailureTolerance int
	Servers                    map[string]*AutopilotServer
	Leader                     string
	Voters                     []string
	ReadReplicas               []string       `json:",omitempty"`
	RedundancyZones            map[string]any `json:",omitempty"`
	Upgrade                    map[string]any `json:",omitempty"`
}

// AutopilotServer is a server in an AutopilotState.
type AutopilotServer struct {
	ID          string
	Name        string
	Address     string
	NodeStatus  string
	Version     string
	LastContact Duration
	LastTerm    uint64
	LastIndex   uint64
	Healthy     bool
	StableSince time.Time
	ReadReplica bool
	Status      string // "leader", "voter", "non-voter", …
	Meta        map[string]string
	NodeType    string
}

// AutopilotConfiguration returns how the leader looks after the servers.
func (o Operator) AutopilotConfiguration(ctx context.Context, q *QueryOptions) (*AutopilotConfig, error) {
	out, _, err := get[*AutopilotConfig](ctx, o.c, "/v1/operator/autopilot/configuration", nil, q)
	return out, err
}

// SetAutopilotConfiguration replaces it.
func (o Operator) SetAutopilotConfiguration(ctx context.Context, a *AutopilotConfig) error {
	return mustBeTrue(o.setAutopilot(ctx, a, nil))
}

// CASAutopilotConfiguration replaces it if it is still as a.ModifyIndex says,
// which it reports.
func (o Operator) CASAutopilotConfiguration(ctx context.Context, a *AutopilotConfig) (bool, error) {
	return o.setAutopilot(ctx, a, url.Values{"cas": {strconv.FormatUint(a.ModifyIndex, 10)}})
}

func (o Operator) setAutopilot(ctx context.Context, a *AutopilotConfig, params url.Values) (done bool, err error) {
	err = o.c.put(ctx, "/v1/operator/autopilot/configuration", params, a, &done)
	return done, err
}

// AutopilotHealth returns the leader's opinion of the servers. That some are
// not healthy is no error.
func (o Operator) AutopilotHealth(ctx context.Context) (*AutopilotHealth, error) {
	out, _, err := decode[*AutopilotHealth](o.c.do(ctx, &request{
		method: http.MethodGet,
		path:   "/v1/operator/autopilot/health",
		accept: func(status int) bool { return status == http.StatusTooManyRequests },
	}))
	return out, err
}

// AutopilotState returns the same in more detail.
func (o Operator) AutopilotState(ctx context.Context) (*AutopilotState, error) {
	out, _, err := get[*AutopilotState](ctx, o.c, "/v1/operator/autopilot/state", nil, nil)
	return out, err
}

// Usage counts what a datacenter's catalog holds.
type Usage struct {
	Nodes                    int
	Services                 int
	ServiceInstances         int
	BillableServiceInstances int
	ConnectServiceInstances  map[string]int
}

// Usage returns the counts by datacenter.
func (o Operator) Usage(ctx context.Context, q *QueryOptions) (map[string]*Usage, QueryMeta, error) {
	out, meta, err := get[struct{ Usage map[string]*Usage }](ctx, o.c, "/v1/operator/usage", nil, q)
	return out.Usage, meta, err
}
