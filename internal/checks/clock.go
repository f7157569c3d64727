package checks

import (
	"context"
	"strings"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// runClock waits for deadlines and acts on them. It never blocks on anything
// but its timer: probes run in goroutines of their own.
func (r *Runner) runClock() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if wait, more := r.advance(); more {
			timer.Reset(wait)
		} else {
			timer.Stop()
		}
		select {
		case <-timer.C:
		case <-r.kick:
		case <-r.ctx.Done():
			return
		}
	}
}

// advance acts on every deadline that has come and returns how long it is to
// the next; more is false when there is none.
func (r *Runner) advance() (wait time.Duration, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for {
		t, at := r.queue.first()
		if t == nil || r.closed {
			return 0, false
		}
		if at > now {
			return time.Duration(at - now), true
		}
		if t.flush != 0 && t.flush <= now {
			t.flush = 0
			r.enqueue(t)
		}
		if t.due != 0 && t.due <= now {
			if t.kind == kindTTL {
				r.expire(t, now)
			} else {
				r.probe(t, now)
			}
		}
		// Its time may have moved since it was put here.
		if next := t.wants(); next != 0 {
			r.queue.move(t, next)
		} else {
			r.queue.remove(t)
		}
	}
}

// schedule makes the clock look at t in time.
func (r *Runner) schedule(t *task) {
	if at := t.wants(); at != 0 && r.queue.atMost(t, at) {
		signal(r.kick)
	}
}

const expired = "TTL expired"

// expire makes a TTL check critical whose time has run out. It stays so until
// the next heartbeat.
func (r *Runner) expire(t *task, now moment) {
	t.due = 0
	output := expired
	switch {
	case strings.HasPrefix(t.output, expired):
		output = t.output // expired before, perhaps on another server
	case t.output != "":
		output += " (last output before timeout follows): " + t.output
	}
	r.report(t, api.Critical, output, now)
}

// probe lets t run as soon as it is its turn, which mostly is now. Until that run
// is done t has no next one. So it never runs twice at a time, and never waits
// twice.
func (r *Runner) probe(t *task, now moment) {
	l, host := r.laneOf(t), hostOf(t.def, t.kind)
	if l.enter(t, host) {
		r.start(t, l, host, now)
	}
}

// laneOf returns the lane that t is to go through.
func (r *Runner) laneOf(t *task) *lane {
	if t.slow {
		return r.slow
	}
	return r.quick
}

// flight is a run that has a place in a lane.
type flight struct {
	task  *task
	gen   uint32
	began moment
	lane  *lane
	host  string
}

// start runs t once, in a goroutine of its own; it has a place in the lane.
func (r *Runner) start(t *task, l *lane, host string, now moment) {
	t.probing, t.late = true, micros(now-t.due)
	ctx, cancel := context.WithTimeout(r.ctx, timeout(t.def, t.kind))
	t.cancel = cancel
	id, def, k, f := t.id, t.def, t.kind, flight{t, t.gen, now, l, host}
	r.wg.Go(func() {
		defer cancel()
		status, output := r.prober.run(ctx, id, k, def)
		r.finish(f, status, output)
	})
}

// finish takes the result of a run and lets the next in line begin.
func (r *Runner) finish(f flight, status, output string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.lane.leave(f.host)
	if r.closed {
		return
	}
	now := r.now()
	for t, host := f.lane.next(); t != nil; t, host = f.lane.next() {
		r.start(t, f.lane, host, now)
	}
	t := f.task
	if t.gone || t.gen != f.gen {
		return
	}
	t.cancel, t.probing = nil, false
	t.ranAt(f.began, now)
	t.slow = now-f.began >= moment(slowRun)
	t.due = nextRun(t.due, now, interval(t.def))
	r.schedule(t)
	if status, ok := t.tally.count(t.def, status); ok {
		r.report(t, status, output, now)
	}
}

// nextRun returns when a check that was due at due and is done now runs again:
// at the next step of its own beat, so that checks stay spread, and a run that
// overran its interval does not make the next follow on its heels.
func nextRun(due, now moment, every time.Duration) moment {
	next := due.after(every)
	if next <= now {
		missed := (now - next) / moment(every)
		next += (missed + 1) * moment(every)
	}
	return next
}
