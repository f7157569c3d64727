package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Limits of a session's TTL; Consul's values.
const (
	sessionTTLMin = 10 * time.Second
	sessionTTLMax = 24 * time.Hour
)

// CreateSession creates a session and returns its ID. Empty fields take their
// defaults: this server's node, behavior release.
func (r *Registry) CreateSession(ctx context.Context, s *api.Session) (string, error) {
	n := *s
	if n.Node == "" {
		n.Node = r.cfg.Name
	}
	switch n.Behavior {
	case "":
		n.Behavior = api.SessionRelease
	case api.SessionRelease, api.SessionDelete:
	default:
		return "", api.E(api.Refused, "Invalid Behavior setting '"+n.Behavior+"'")
	}
	if err := r.checkTTL(n.TTL); err != nil {
		return "", err
	}
	if n.Node == r.cfg.Name {
		if _, err := r.home(ctx); err != nil {
			return "", err
		}
	}
	n.ID, n.CreateIndex, n.ModifyIndex = uuid.NewString(), 0, 0
	_, err := r.propose(ctx, &store.SessionCreate{Session: n})
	return n.ID, err
}

func (r *Registry) checkTTL(text string) error {
	if text == "" {
		return nil
	}
	ttl, err := time.ParseDuration(text)
	if err != nil {
		return api.Wrap(api.Refused, "Session TTL '"+text+"' invalid", err)
	}
	least := r.cfg.SessionTTLMin
	if least == 0 {
		least = sessionTTLMin
	}
	if ttl != 0 && (ttl < least || ttl > sessionTTLMax) {
		return api.E(api.Refused, fmt.Sprintf("Invalid Session TTL '%d', must be between [%v=%v]", ttl, least, sessionTTLMax))
	}
	return nil
}

// DestroySession ends a session; an unknown one is fine.
func (r *Registry) DestroySession(ctx context.Context, id string) error {
	_, err := r.propose(ctx, &store.SessionDestroy{ID: id})
	return err
}

// sessionRenewKind is the internal request that carries a renewal to the
// leader, which keeps the deadlines of all sessions.
const sessionRenewKind = "session-renew"

// RenewSession gives a session its full TTL again and returns it, nil if there
// is none. Nothing is written to the log: the leader notes it in memory, after
// which it makes sure that it still leads, so that a renewal which was answered
// counts.
func (r *Registry) RenewSession(ctx context.Context, id string) (*api.Session, error) {
	_, err := r.askLeader(ctx, sessionRenewKind, []byte(id))
	switch {
	case err != nil && api.ErrorKind(err) == api.NotFound:
		return nil, nil
	case err != nil:
		return nil, err
	}
	st, err := r.Read(ctx, raft.Default)
	if err != nil {
		return nil, err
	}
	return st.Session(id), nil
}

// handleRenew serves renewals on the leader.
func (r *Registry) handleRenew(ctx context.Context, req []byte) ([]byte, error) {
	id := string(req)
	if err := r.deadlines.renew(r.State(), id); err != nil {
		return nil, err
	}
	return nil, r.cons.ReadIndex(ctx, raft.Default)
}

// askLeader sends a request to the leader and tries again while there is none
// or it has just changed, for as long as a write would.
func (r *Registry) askLeader(ctx context.Context, kind string, req []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.HoldTimeout)
	defer cancel()
	for {
		out, err := r.cons.CallLeader(ctx, kind, req)
		switch k := api.ErrorKind(err); {
		case err == nil:
			return out, nil
		case k != api.NoLeader && k != api.NotLeader && k != api.Unavailable && k != api.OutcomeUnknown:
			return nil, err
		}
		select {
		case <-time.After(retryDelay):
		case <-ctx.Done():
			return nil, err
		}
	}
}
