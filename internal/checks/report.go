package checks

import (
	"math/rand/v2"

	"github.com/registryd/registryd/pkg/api"
)

// isStatus reports whether s is a status a check can have.
func isStatus(s string) bool {
	return s == api.Passing || s == api.Warning || s == api.Critical
}

// report takes a status found here: by an expiry, a probe or an alias watch.
func (r *Runner) report(t *task, status, output string, now moment) {
	r.reportOf(t, status, output, "", now)
}

// reportOf takes a status that the client with the address told, or that was
// found here if that is empty.
func (r *Runner) reportOf(t *task, status, output, client string, now moment) {
	if r.cfg.DiscardOutput {
		output = ""
	}
	t.reported = true
	if status != t.status {
		t.changed, t.client = now, client
	}
	t.status, t.output = status, output
	r.settle(t, now)
}

// settle decides what of t has to be sent: a new status at once, a new output
// alone some time later, and nothing when the catalog has it already.
func (r *Runner) settle(t *task, now moment) {
	status, output := t.unsent()
	switch {
	case status:
		r.enqueue(t)
	case !output:
		t.flush = 0
	case r.cfg.OutputInterval < 0:
		r.enqueue(t)
	case t.flush == 0 && !t.queued:
		// The second half of the interval spreads the outputs of checks that
		// all began to change at once.
		half := r.cfg.OutputInterval / 2
		t.flush = now.after(half + rand.N(half+1))
		r.schedule(t)
	}
}
