package registry

import (
	"context"
	"encoding/json"
	"time"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// PolicyEntry returns the config entry that a complete check policy is kept as.
func PolicyEntry(p *api.CheckPolicy) (*store.ConfigEntry, error) {
	body, err := json.Marshal(struct {
		Damping *api.CheckDamping `json:",omitempty"`
		Guard   *api.CheckGuard   `json:",omitempty"`
		Meta    map[string]string `json:",omitempty"`
	}{p.Damping, p.Guard, p.Meta})
	if err != nil {
		return nil, api.Wrap(api.Invalid, "encode a check policy", err)
	}
	return &store.ConfigEntry{Kind: p.Kind, Name: p.Name, Body: body}, nil
}

// storePolicies stores those of the configured check policies whose names the
// cluster has no policy for.
func (r *Registry) storePolicies(ctx context.Context) {
	for _, p := range r.cfg.Policies {
		e, err := PolicyEntry(p)
		if err != nil {
			r.log.Warn("cannot store a configured check policy", "name", p.Name, "error", err)
			continue
		}
		for ctx.Err() == nil && r.State().ConfigEntry(e.Kind, e.Name) == nil {
			if _, err := r.SetConfigEntry(ctx, e, true); err == nil {
				break
			}
			select {
			case <-time.After(retryDelay):
			case <-ctx.Done():
			}
		}
	}
}
