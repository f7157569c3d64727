package raft

import (
	"context"
	"sync"
	"time"
)

// awake knows since when this server has been running without a gap. A process
// that was stopped, a machine that was frozen and one that has stalled have
// heard nobody meanwhile, and that says nothing of the others.
type awake struct {
	mu    sync.Mutex
	since time.Time // no gap between this and seen
	seen  time.Time // the latest moment at which this server ran
}

const (
	// awakePace is how often a server notes that it runs.
	awakePace = 100 * time.Millisecond
	// awakeGap is from when on that is late enough to be a gap. It is less than
	// what timing.dead is above the pace of heartbeats, so a shorter gap
	// alone makes nobody look dead.
	awakeGap = 500 * time.Millisecond
)

// Since returns from when on this server has been running without a gap. The
// caller has just looked at the clock, before anything it compares with that.
func (a *awake) Since(now time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.seen) > awakeGap {
		a.since = now
	}
	if now.After(a.seen) {
		a.seen = now
	}
	return a.since
}

// alonePace is how often a server without others does: it wakes up for little
// else, and has nobody to judge.
const alonePace = time.Second

// run notes that this server runs, until ctx ends; others reports whether there
// are any to be heard.
func (a *awake) run(ctx context.Context, others func() bool) {
	for {
		a.Since(time.Now())
		pace := awakePace
		if !others() {
			pace = alonePace
		}
		select {
		case <-time.After(pace):
		case <-ctx.Done():
			return
		}
	}
}
