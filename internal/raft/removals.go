package raft

import (
	"slices"
	"sync"
)

// A server that an operator removed must not come back by itself. The leader
// tells it, but it may be out of reach at that moment, or its request to join
// be under way. So every server draws a random name for its run when it starts,
// and a new one when it is told to join. The leader that removes it remembers
// the run, servers tell each other when they meet, and whoever leads refuses a
// run that was removed. One that was started again, or told to join, has another.
//
// A server that autopilot removed, for it had failed, may come back: its run is
// not noted.

// removals are the runs that an operator removed, as far as this server knows.
type removals struct {
	mu   sync.Mutex
	runs []string
}

// maxRemovals bounds what is remembered and told: a server that learns of none
// of so many further removals is not one that an operator still waits for.
const maxRemovals = 64

// note remembers runs. An empty one is that of a server which names none.
func (r *removals) note(runs ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, run := range runs {
		if run != "" && len(run) <= maxRun && !slices.Contains(r.runs, run) {
			r.runs = append(r.runs, run)
		}
	}
	if over := len(r.runs) - maxRemovals; over > 0 {
		r.runs = slices.Delete(r.runs, 0, over)
	}
}

// maxRun bounds the name of a run that another server tells.
const maxRun = 64

// has reports whether the run was removed.
func (r *removals) has(run string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return run != "" && slices.Contains(r.runs, run)
}

// all returns the runs, nil if there are none.
func (r *removals) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.runs)
}
