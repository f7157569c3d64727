package registry

import (
	"context"
	"encoding/json"
	"time"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// rearmKind is the internal request that gives TTL checks their full time with
// the server that runs them; rearmWait is how long that has to answer. What was
// registered is so in any case.
const (
	rearmKind = "rearm"
	rearmWait = time.Second
)

// rearm gives the TTL checks among those that were registered again on a node
// their full time, whichever server runs them.
func (r *Registry) rearm(ctx context.Context, node string, registered ...*api.Check) {
	var here []checks.ID
	away := map[string][]checks.ID{} // by the ID of the server that runs them
	st := r.State()
	v, _ := st.Node(node)
	for _, c := range registered {
		if c.Probe == nil || c.Probe.TTL <= 0 {
			continue
		}
		id := checks.ID{Node: node, CheckID: c.CheckID}
		owner := r.ownerID(st, v, c.CheckID)
		if owner == "" || owner == r.cfg.ID {
			here = append(here, id)
		} else {
			away[owner] = append(away[owner], id)
		}
	}
	if len(here) > 0 {
		r.run.Rearm(here...)
	}
	ctx, cancel := context.WithTimeout(ctx, rearmWait)
	defer cancel()
	for owner, ids := range away {
		req, err := json.Marshal(ids)
		if err == nil {
			_, err = r.cons.Call(ctx, owner, rearmKind, req)
		}
		if err != nil {
			r.log.Debug("cannot give TTL checks their full time", "server", owner, "checks", len(ids), "error", err)
		}
	}
}

// ownerID returns the ID of the server that runs a check, empty if none does.
func (r *Registry) ownerID(st *store.State, v *store.NodeView, checkID string) string {
	if v == nil {
		return ""
	}
	c := v.Check(checkID)
	if c == nil {
		return ""
	}
	if owner, _ := st.Node(st.Owner(v, c)); owner != nil {
		return owner.Node.ID
	}
	return ""
}

// handleRearm serves what other servers ask of checks that this one runs.
func (r *Registry) handleRearm(_ context.Context, req []byte) ([]byte, error) {
	var ids []checks.ID
	if err := json.Unmarshal(req, &ids); err != nil {
		return nil, api.Wrap(api.Invalid, "read a request to rearm", err)
	}
	r.run.Rearm(ids...)
	return nil, nil
}
