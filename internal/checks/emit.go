package checks

import (
	"context"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// emitMax is how many transitions go into one call of Emit. They become one log
// entry, which should stay in the range of a megabyte.
const emitMax = 512

// enqueue puts t in line for the emitter.
func (r *Runner) enqueue(t *task) {
	if t.queued {
		return
	}
	t.queued = true
	r.pending = append(r.pending, t)
	if len(r.pending) == 1 {
		signal(r.ready)
	}
}

// runEmitter hands out what waits, one batch after the other.
func (r *Runner) runEmitter() {
	for {
		select {
		case <-r.ready:
		case <-r.ctx.Done():
			return
		}
		for r.emit() {
		}
	}
}

// emit hands out one batch and reports whether there may be more.
func (r *Runner) emit() bool {
	tasks, batch, before := r.take()
	if len(tasks) == 0 {
		return false
	}
	if len(batch) > 0 {
		r.cfg.Emit(batch)
	}
	r.mu.Lock()
	for _, t := range tasks {
		t.inflight = false
	}
	// Those who wait are told even when nothing was left to say: another report,
	// or the catalog, has taken back what they wait for.
	close(r.emitted)
	r.emitted = make(chan struct{})
	r.mu.Unlock()

	// Only now: writing a log must not delay the news.
	for i, tr := range batch {
		if tr.Status != before[i] && before[i] != "" {
			r.cfg.Logger.Info("check changed", "node", tr.ID.Node, "check", tr.ID.CheckID,
				"from", before[i], "to", tr.Status)
		}
	}
	return true
}

// take removes the head of the line. Of each check it says what holds now, and
// nothing when that is what was last sent; before has the statuses sent last.
func (r *Runner) take() (tasks []*task, batch []Transition, before []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, nil
	}
	n := min(len(r.pending), emitMax)
	tasks = r.pending[:n:n]
	if r.pending = r.pending[n:]; len(r.pending) == 0 {
		r.pending = nil // let go of the array
	}
	batch, before = make([]Transition, 0, n), make([]string, 0, n)
	wall, now := time.Now(), r.now()
	for _, t := range tasks {
		t.queued = false
		if status, output := t.unsent(); t.gone || !status && !output {
			continue
		}
		before = append(before, t.sentStatus)
		var client string
		if t.status != t.sentStatus {
			client = t.client
		}
		t.sentStatus, t.sentOutput, t.counted = t.status, t.output, t.status == api.Critical
		t.flush = 0
		t.inflight = true
		batch = append(batch, Transition{
			ID: t.id, Status: t.status, Output: t.output, Client: client,
			At: wall.Add(-time.Duration(now - t.changed)),
		})
	}
	return tasks, batch, before
}

// Wait returns when everything the check has reported so far, save an output
// that may still wait, was emitted and Emit has returned; at once when that is
// so already or the check is not run here. The error is that of ctx.
func (r *Runner) Wait(ctx context.Context, id ID) error {
	for {
		r.mu.Lock()
		t, emitted := r.tasks[id], r.emitted
		busy := t != nil && (t.queued || t.inflight) && !r.closed
		r.mu.Unlock()
		if !busy {
			return nil
		}
		select {
		case <-emitted:
		case <-ctx.Done():
			return ctx.Err()
		case <-r.ctx.Done():
			return nil
		}
	}
}

// awaitEmit returns when Emit has none of the tasks in hand. They are gone, so
// none is handed out again.
func (r *Runner) awaitEmit(tasks ...*task) {
	for _, t := range tasks {
		for {
			r.mu.Lock()
			busy, emitted := t.inflight, r.emitted
			r.mu.Unlock()
			if !busy {
				break
			}
			<-emitted
		}
	}
}
