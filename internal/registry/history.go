package registry

import (
	"context"

	"github.com/registryd/registryd/internal/store"
)

// storeHistory brings the limits of the history to what this server, the
// leader, is configured with. They are part of the state, so that all servers
// drop the same events whatever their own configuration says.
func (r *Registry) storeHistory(ctx context.Context) {
	if r.State().HistoryLimits() == r.cfg.History {
		return
	}
	if res, err := r.propose(ctx, &store.SetHistory{Limits: r.cfg.History}); err == nil && res.OK {
		r.log.Info("limits of the history set", "max_count", r.cfg.History.Count, "max_age", r.cfg.History.Age)
	}
}
