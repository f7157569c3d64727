package api

import (
	"context"
	"net/http"
	"net/url"
)

// Checks returns the checks registered through the server, by ID. Filter
// selects ("" selects all).
func (a Agent) Checks(ctx context.Context, filter string) (map[string]*Check, error) {
	m, _, err := get[map[string]*Check](ctx, a.c, "/v1/agent/checks", filterParam(filter), nil)
	return m, err
}

// ClusterChecks returns the checks registered through any server, by ID or
// NODE/ID as ClusterServices does.
func (a Agent) ClusterChecks(ctx context.Context, filter string) (map[string]*Check, error) {
	m, _, err := get[map[string]*Check](ctx, a.c, "/v1/agent/checks", clusterParam(filter), nil)
	return m, err
}

// RegisterCheck registers a check of the server's node or of the instance
// ServiceID, or replaces the one with its ID.
func (a Agent) RegisterCheck(ctx context.Context, c *CheckRegistration) error {
	return a.c.put(ctx, "/v1/agent/check/register", nil, c, nil)
}

// DeregisterCheck removes a check. The error is of kind NotFound if there is
// none.
func (a Agent) DeregisterCheck(ctx context.Context, id string) error {
	if err := named("check ID", id); err != nil {
		return err
	}
	return a.c.put(ctx, "/v1/agent/check/deregister/"+escape(id), nil, nil, nil)
}

// UpdateTTL reports the status of a TTL check (Passing, Warning or Critical)
// with an output for people, and so sets its deadline anew. Any server takes
// it. The error is of kind NotFound if there is no such check.
func (a Agent) UpdateTTL(ctx context.Context, id, status, output string) error {
	if err := named("check ID", id); err != nil {
		return err
	}
	_, err := a.heartbeat(ctx, id, status, output)
	return err
}

// PassTTL reports that a TTL check passes; see UpdateTTL.
func (a Agent) PassTTL(ctx context.Context, id, note string) error {
	return a.UpdateTTL(ctx, id, Passing, note)
}

// WarnTTL reports a warning; see UpdateTTL.
func (a Agent) WarnTTL(ctx context.Context, id, note string) error {
	return a.UpdateTTL(ctx, id, Warning, note)
}

// FailTTL reports a failure; see UpdateTTL.
func (a Agent) FailTTL(ctx context.Context, id, note string) error {
	return a.UpdateTTL(ctx, id, Critical, note)
}

// heartbeat sends a status. It may be repeated: the last one counts.
func (a Agent) heartbeat(ctx context.Context, id, status, output string) (*reply, error) {
	r := &request{method: http.MethodPut, path: "/v1/agent/check/update/" + escape(id), repeatable: true}
	switch {
	case status == Passing && len(output) < 256:
		// The short form has no body to parse.
		r.path = "/v1/agent/check/pass/" + escape(id)
		if output != "" {
			r.params = url.Values{"note": {output}}
		}
	default:
		body, err := encode(map[string]string{"Status": status, "Output": output})
		if err != nil {
			return nil, err
		}
		r.body = body
	}
	return a.c.do(ctx, r)
}
