package checks

import (
	"fmt"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// Heartbeat reports the status of a TTL check and gives it its full TTL again.
// A transition that comes of it names the client, an address or nothing.
// It is answered from memory: a new status is emitted right after (see Wait), a
// new output alone at most OutputInterval later, and else nothing. An output
// above the limit is cut.
//
// The error is api.NotFound when the check is not run here, api.Refused when it
// is no TTL check, api.Invalid when status is none, and api.Unavailable after
// Close.
func (r *Runner) Heartbeat(id ID, status, output, client string) error {
	if !isStatus(status) {
		return invalid(fmt.Sprintf("invalid check status %q: it is passing, warning or critical", status))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tasks[id]
	switch {
	case r.closed:
		return api.E(api.Unavailable, "the check runner is closed")
	case t == nil:
		return api.E(api.NotFound, fmt.Sprintf("CheckID %q is not run on this server", id.CheckID))
	case t.kind != kindTTL:
		return api.E(api.Refused, fmt.Sprintf("CheckID %q does not have associated TTL", id.CheckID))
	}
	if limit := t.outputMax(r.cfg.OutputMax); len(output) > limit {
		output = cut(output, limit)
	}
	now := r.now()
	t.ranAt(now, now)
	r.renew(t, now)
	r.reportOf(t, status, output, client, now)
	return nil
}

// Rearm gives TTL checks their full TTL again without a report: the checks
// named, or all when none is. Those that have expired stay so, and those that
// are not run here are passed over.
func (r *Runner) Rearm(ids ...ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	rearm := func(t *task) {
		if t != nil && t.kind == kindTTL && t.due != 0 {
			r.renew(t, now)
		}
	}
	if len(ids) == 0 {
		for _, t := range r.tasks {
			rearm(t)
		}
	}
	for _, id := range ids {
		rearm(r.tasks[id])
	}
}

// renew puts the end of t's TTL off. The heap learns of it when the old end
// comes.
func (r *Runner) renew(t *task, now moment) {
	t.due = now.after(time.Duration(t.def.TTL))
	r.schedule(t)
}
