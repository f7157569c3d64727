package api

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Sessions reads and writes sessions, the leases that locks hang on.
type Sessions struct{ c *Client }

// Sessions returns the calls below /v1/session.
func (c *Client) Sessions() Sessions { return Sessions{c} }

// SessionRequest says what session to create.
type SessionRequest struct {
	Name string
	Node string // empty means that of the server
	// TTL ends the session when it is not renewed for so long; 0 means never,
	// else from 10 s to 24 h. The session may end late, never early.
	TTL time.Duration
	// LockDelay is for how long nobody can lock a key that the session held
	// when it ended; 0 means the server's 15 s, negative none.
	LockDelay time.Duration
	Behavior  string // SessionRelease (also if empty) or SessionDelete
	// NodeChecks are checks of the node that end the session when they turn
	// critical; nil means the one for the node's life (SerfHealth), an empty
	// list none. ServiceChecks are such checks of service instances.
	NodeChecks    []string
	ServiceChecks []ServiceCheck
}

// body is the request as the server reads it: what is left out has a default
// there that no zero value could ask for.
func (s *SessionRequest) body() map[string]any {
	m := map[string]any{}
	if s == nil {
		return m
	}
	if s.Name != "" {
		m["Name"] = s.Name
	}
	if s.Node != "" {
		m["Node"] = s.Node
	}
	if s.TTL > 0 {
		m["TTL"] = s.TTL.String()
	}
	if s.LockDelay != 0 {
		m["LockDelay"] = max(s.LockDelay, 0).String()
	}
	if s.Behavior != "" {
		m["Behavior"] = s.Behavior
	}
	if s.NodeChecks != nil {
		m["NodeChecks"] = s.NodeChecks
	}
	if s.ServiceChecks != nil {
		m["ServiceChecks"] = s.ServiceChecks
	}
	return m
}

// Create makes a session and returns its ID; nil asks for the defaults.
func (s Sessions) Create(ctx context.Context, r *SessionRequest) (string, error) {
	var out struct{ ID string }
	err := s.c.put(ctx, "/v1/session/create", nil, r.body(), &out)
	return out.ID, err
}

// Destroy ends a session and lets go of what it holds. That it does not exist
// is no error.
func (s Sessions) Destroy(ctx context.Context, id string) error {
	if err := named("session ID", id); err != nil {
		return err
	}
	return s.c.write(ctx, &request{method: http.MethodPut, path: "/v1/session/destroy/" + escape(id), repeatable: true}, nil, nil)
}

// Renew sets the deadline of a session's TTL anew. The error is of kind
// NotFound if there is no such session (any more).
func (s Sessions) Renew(ctx context.Context, id string) (*Session, error) {
	if err := named("session ID", id); err != nil {
		return nil, err
	}
	r := &request{method: http.MethodPut, path: "/v1/session/renew/" + escape(id), repeatable: true}
	list, _, err := decode[[]*Session](s.c.do(ctx, r))
	return one(list, id, err)
}

// Info returns a session. If there is none the error is of kind NotFound, and
// QueryMeta is still right.
func (s Sessions) Info(ctx context.Context, id string, q *QueryOptions) (*Session, QueryMeta, error) {
	if err := named("session ID", id); err != nil {
		return nil, QueryMeta{}, err
	}
	list, meta, err := get[[]*Session](ctx, s.c, "/v1/session/info/"+escape(id), nil, q)
	info, err := one(list, id, err)
	return info, meta, err
}

// List returns all sessions.
func (s Sessions) List(ctx context.Context, q *QueryOptions) ([]*Session, QueryMeta, error) {
	return get[[]*Session](ctx, s.c, "/v1/session/list", nil, q)
}

// Node returns the sessions of a node.
func (s Sessions) Node(ctx context.Context, node string, q *QueryOptions) ([]*Session, QueryMeta, error) {
	if err := named("node name", node); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[[]*Session](ctx, s.c, "/v1/session/node/"+escape(node), nil, q)
}

func one(list []*Session, id string, err error) (*Session, error) {
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, E(NotFound, fmt.Sprintf("no session %q", id))
	}
	return list[0], nil
}
