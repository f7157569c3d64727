package api

import (
	"context"
	"net/http"
	"net/url"
)

// AgentService is a service instance as the agent endpoints show it.
type AgentService struct {
	Service
	Datacenter  string
	ContentHash string `json:",omitempty"` // only from Agent.Service
	Node        string `json:",omitempty"` // only from Agent.ClusterServices
}

// ServiceHealth is a service instance with the worst of its and its node's
// checks.
type ServiceHealth struct {
	AggregatedStatus string // Passing, Warning, Critical or Maintenance
	Service          *AgentService
	Checks           []*Check
}

// Services returns the instances registered through the server, by ID. Filter
// selects ("" selects all).
func (a Agent) Services(ctx context.Context, filter string) (map[string]*AgentService, error) {
	m, _, err := get[map[string]*AgentService](ctx, a.c, "/v1/agent/services", filterParam(filter), nil)
	return m, err
}

// ClusterServices returns the instances registered through any server, by ID.
// Where several servers have one of the same ID it is that of the server asked,
// or else of the first by name; the keys of the others are NODE/ID.
func (a Agent) ClusterServices(ctx context.Context, filter string) (map[string]*AgentService, error) {
	m, _, err := get[map[string]*AgentService](ctx, a.c, "/v1/agent/services", clusterParam(filter), nil)
	return m, err
}

// clusterParam is filterParam for all servers.
func clusterParam(filter string) url.Values {
	params := filterParam(filter)
	params.Set("scope", "cluster")
	return params
}

// Service returns an instance by its ID, registered through whichever server
// (Consul: through the one asked). With QueryOptions.Hash it waits until the
// instance differs. The error is of kind
// NotFound if there is none, also if it goes while waiting.
func (a Agent) Service(ctx context.Context, id string, q *QueryOptions) (*AgentService, QueryMeta, error) {
	if err := named("service ID", id); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[*AgentService](ctx, a.c, "/v1/agent/service/"+escape(id), nil, q)
}

// RegisterService registers an instance, or replaces the one with its ID.
// Checks that s does not name stay, with their status.
func (a Agent) RegisterService(ctx context.Context, s *ServiceRegistration) error {
	return a.c.put(ctx, "/v1/agent/service/register", nil, s, nil)
}

// ReplaceService is RegisterService, but removes checks that s does not name.
func (a Agent) ReplaceService(ctx context.Context, s *ServiceRegistration) error {
	return a.c.put(ctx, "/v1/agent/service/register", url.Values{"replace-existing-checks": {"true"}}, s, nil)
}

// DeregisterService removes an instance and its checks. The error is of kind
// NotFound if there is none.
func (a Agent) DeregisterService(ctx context.Context, id string) error {
	if err := named("service ID", id); err != nil {
		return err
	}
	return a.c.put(ctx, "/v1/agent/service/deregister/"+escape(id), nil, nil, nil)
}

// ServiceMaintenance puts an instance into maintenance or takes it out.
// A second reason does not replace the first. The error is of kind NotFound if
// there is no such instance.
func (a Agent) ServiceMaintenance(ctx context.Context, id string, enable bool, reason string) error {
	if err := named("service ID", id); err != nil {
		return err
	}
	return a.c.put(ctx, "/v1/agent/service/maintenance/"+escape(id), maintenanceParams(enable, reason), nil, nil)
}

// ServiceHealth returns the health of an instance by its ID, registered through
// whichever server (Consul: through the one asked). The error is of kind NotFound
// if there is none.
func (a Agent) ServiceHealth(ctx context.Context, id string) (*ServiceHealth, error) {
	if err := named("service ID", id); err != nil {
		return nil, err
	}
	out, _, err := decode[*ServiceHealth](a.c.do(ctx, healthRequest("id/"+escape(id))))
	return out, err
}

// ServiceHealthByName returns the health of all instances of a service that
// are registered through the server. The error is of kind NotFound if there is
// none.
func (a Agent) ServiceHealthByName(ctx context.Context, name string) ([]*ServiceHealth, error) {
	if err := named("service name", name); err != nil {
		return nil, err
	}
	out, _, err := decode[[]*ServiceHealth](a.c.do(ctx, healthRequest("name/"+escape(name))))
	return out, err
}

// healthRequest asks for an answer whose status says how the service is: 429
// and 503 are no errors here.
func healthRequest(rest string) *request {
	return &request{
		method: http.MethodGet,
		path:   "/v1/agent/health/service/" + rest,
		params: url.Values{"format": {"json"}},
		accept: func(status int) bool {
			return status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
		},
	}
}
