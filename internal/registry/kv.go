package registry

import (
	"context"
	"time"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// ChangeKey carries out one operation on keys that writes. It reports whether
// the operation took place: a condition of it may not have held.
func (r *Registry) ChangeKey(ctx context.Context, op *store.KV) (bool, error) {
	if op.Pair.Key == "" && op.Verb != store.KVDeleteTree {
		return false, api.E(api.Invalid, "Missing key name")
	}
	res, err := r.propose(ctx, op)
	return res.OK, err
}

// How long the deletion of a key is remembered: Consul's value, give or take
// the pace at which that is looked at.
const (
	tombstoneTTL  = 15 * time.Minute
	tombstonePace = 30 * time.Second
)

// reapTombstones lets the cluster forget deletions older than tombstoneTTL,
// until ctx, a term's, ends. A new leader remembers them in full.
func (r *Registry) reapTombstones(ctx context.Context) {
	type mark struct {
		at    time.Time
		index uint64
	}
	var marks []mark
	tick := time.NewTicker(tombstonePace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			st := r.State()
			marks = append(marks, mark{now, st.Index()})
			var through uint64
			for len(marks) > 0 && now.Sub(marks[0].at) >= tombstoneTTL {
				through, marks = marks[0].index, marks[1:]
			}
			if oldest := st.OldestGrave(); oldest == 0 || oldest > through {
				continue
			}
			if _, err := r.propose(ctx, &store.ReapTombstones{Through: through}); err != nil {
				r.log.Warn("cannot forget old deletions of keys", "error", err)
			}
		}
	}
}
