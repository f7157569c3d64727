package checks

import (
	"container/list"
	"context"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// moment is a time as nanoseconds since the runner's start on the monotonic
// clock: a third the size of a time.Time, and unmoved by a wall clock that is
// set. 0 means never.
type moment int64

// task is a check that is run here. All fields are guarded by Runner.mu; def
// points into the catalog and is never changed.
type task struct {
	id        ID
	serviceID string
	def       *api.CheckDefinition

	status, output         string // as last reported, here or in the catalog
	sentStatus, sentOutput string // what the catalog has, as far as we know
	changed                moment // when status came about
	client                 string // who told it, empty if it was found here

	due   moment // the TTL ends, or a run: the next, or the one under way; 0: the TTL has ended
	flush moment // a new output is sent at the latest; 0: none waits
	ran   moment // when the last run began, or the last heartbeat came; 0: none yet

	tally  tally
	turn   *list.Element      // its place in the line of a host, nil if it does not wait
	cancel context.CancelFunc // ends the probe in flight or the alias watch

	took, late micro  // how long the last run took, and how late it began
	runs       uint32 // so far
	place      int32  // in the heap of deadlines, -1 if not in it
	gen        uint32 // grows when the definition changes: older results are void

	kind     kind
	reported bool // a status was reported here, so the catalog's is not the truth
	counted  bool // the catalog counts for how long t has been critical
	queued   bool // in Runner.pending
	inflight bool // in the batch that Emit has
	probing  bool // a probe is in flight
	slow     bool // its last run was
	gone     bool // no longer run
}

// wants returns when t has to be looked at next, 0 if never.
func (t *task) wants() moment {
	due := t.due
	if t.probing || t.turn != nil {
		due = 0 // the run that was due is under way
	}
	switch {
	case t.flush == 0:
		return due
	case due == 0:
		return t.flush
	}
	return min(due, t.flush)
}

// outputMax is the most bytes of output the check keeps under the server's
// limit.
func (t *task) outputMax(limit int) int { return outputMax(t.def, limit) }

func outputMax(def *api.CheckDefinition, limit int) int {
	if n := def.OutputMaxSize; n > 0 && n < limit {
		return n
	}
	return limit
}

// interval returns the time between two runs.
func interval(def *api.CheckDefinition) time.Duration {
	return max(time.Duration(def.Interval), MinInterval)
}

// timeout returns how long one run may take.
func timeout(def *api.CheckDefinition, k kind) time.Duration {
	switch {
	case def.Timeout > 0:
		return time.Duration(def.Timeout)
	case k == kindScript || k == kindDocker || k == kindOSService:
		return DefaultScriptTimeout
	}
	return DefaultTimeout
}

// unsent reports whether the catalog has to hear what t says now, at once if
// its status is news.
func (t *task) unsent() (status, output bool) {
	if !t.reported {
		return false, false
	}
	return t.status != t.sentStatus || t.uncounted(), t.output != t.sentOutput
}

// uncounted reports whether the catalog has yet to hear that t was found
// critical: its service goes some time after the first such report, which may
// be of the very status that the check was registered with.
func (t *task) uncounted() bool {
	return t.status == api.Critical && !t.counted && t.serviceID != "" && t.def.DeregisterCriticalServiceAfter > 0
}

// tally counts results in a row for the thresholds.
type tally struct {
	successes, failures int
}

// newTally starts the count so that the first result of a check counts at once:
// thresholds damp changes, and a new check has nothing to change from.
func newTally(def *api.CheckDefinition) tally {
	return tally{successes: def.SuccessBeforePassing, failures: def.FailuresBeforeCritical}
}

// resumeTally starts the count of a check that was run elsewhere until now, so
// that moving to another server neither hastens nor forgets a threshold.
func resumeTally(def *api.CheckDefinition, status string) tally {
	if status == api.Critical {
		return tally{failures: def.FailuresBeforeCritical}
	}
	return tally{successes: def.SuccessBeforePassing}
}

// count adds a result and returns the status it makes; ok is false while a
// threshold holds the old one.
func (y *tally) count(def *api.CheckDefinition, result string) (status string, ok bool) {
	if result != api.Critical {
		y.failures = 0
		y.successes++
		return result, y.successes >= def.SuccessBeforePassing
	}
	y.successes = 0
	y.failures++
	if y.failures >= def.FailuresBeforeCritical {
		return api.Critical, true
	}
	warn := def.FailuresBeforeWarning
	if warn == 0 {
		warn = def.FailuresBeforeCritical
	}
	return api.Warning, y.failures >= warn
}
