package registry

import (
	"context"
	"time"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Autopilot is what the registry needs of raft's care for the servers.
type Autopilot interface {
	// SetAutopilotConfig sets the rules for when this server leads.
	SetAutopilotConfig(c raft.AutopilotConfig)
	// AutopilotState and AutopilotHealth ask the leader how the servers are.
	AutopilotState(ctx context.Context) (raft.AutopilotState, error)
	AutopilotHealth(ctx context.Context) (raft.AutopilotHealth, error)
}

// Pilot returns the operations of autopilot.
func (r *Registry) Pilot() Autopilot { return r.cons }

// SetAutopilot replaces the autopilot configuration. With cas that happens only
// if its ModifyIndex is the present one; it reports whether it did.
func (r *Registry) SetAutopilot(ctx context.Context, c *api.AutopilotConfig, cas bool) (bool, error) {
	res, err := r.propose(ctx, &store.SetAutopilot{CAS: cas, Config: *c})
	return res.OK, err
}

// AutopilotConfig returns the configuration in a state, the configured one
// while no leader has stored any.
func (r *Registry) AutopilotConfig(st *store.State) *api.AutopilotConfig {
	if c := st.Autopilot(); c != nil {
		return c
	}
	c := r.cfg.Autopilot
	return &api.AutopilotConfig{CleanupDeadServers: c.CleanupDeadServers, LastContactThreshold: api.Duration(c.LastContactThreshold),
		MaxTrailingLogs: c.MaxTrailingLogs, MinQuorum: c.MinQuorum, ServerStabilizationTime: api.Duration(c.ServerStabilizationTime)}
}

// storeAutopilot stores the configured rules if none are stored yet.
func (r *Registry) storeAutopilot(ctx context.Context) {
	for ctx.Err() == nil && r.State().Autopilot() == nil {
		if _, err := r.SetAutopilot(ctx, r.AutopilotConfig(r.State()), true); err == nil {
			return
		}
		select {
		case <-time.After(retryDelay):
		case <-ctx.Done():
		}
	}
}

// followAutopilot hands the stored rules to raft whenever they change.
func (r *Registry) followAutopilot(ctx context.Context) {
	for {
		st := r.State()
		changed := st.Table(store.TableAutopilot).Watch.C()
		if c := st.Autopilot(); c != nil {
			r.cons.SetAutopilotConfig(raft.AutopilotConfig{CleanupDeadServers: c.CleanupDeadServers, LastContactThreshold: time.Duration(c.LastContactThreshold),
				MaxTrailingLogs: c.MaxTrailingLogs, MinQuorum: c.MinQuorum, ServerStabilizationTime: time.Duration(c.ServerStabilizationTime)})
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// SetConfigEntry stores a configuration entry; with cas only if its ModifyIndex
// is the present one. It reports whether it did.
func (r *Registry) SetConfigEntry(ctx context.Context, e *store.ConfigEntry, cas bool) (bool, error) {
	res, err := r.propose(ctx, &store.SetConfigEntry{CAS: cas, Entry: *e})
	return res.OK, err
}

// DeleteConfigEntry removes a configuration entry; with cas only if the
// ModifyIndex given is the present one. An unknown one is fine.
func (r *Registry) DeleteConfigEntry(ctx context.Context, e *store.ConfigEntry, cas bool) (bool, error) {
	res, err := r.propose(ctx, &store.SetConfigEntry{Delete: true, CAS: cas, Entry: *e})
	return res.OK, err
}
