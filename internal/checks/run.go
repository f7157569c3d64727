package checks

import (
	"math"
	"time"
)

// Run is how a check is doing on the server that runs it. Times are by this
// server's wall clock as it is now; they are kept on the monotonic one.
type Run struct {
	ID             ID
	Status, Output string // as seen last, perhaps not sent yet

	// Last is when it last ran, or a heartbeat came: zero if it has not run on
	// this server. Took is how long that took, Late how long after its time it
	// began; both end at an hour.
	Last       time.Time
	Took, Late time.Duration
	// Runs counts them, since this server took the check over or it was defined
	// anew.
	Runs uint32
	// Next is when it runs next, or the TTL ends. Zero for an alias check, which
	// follows its target, and for a TTL that has expired.
	Next time.Time
	// State is what it is doing now: RunWaits, RunProbes or empty.
	State string
}

// States of a Run.
const (
	RunWaits  = "waiting" // its time has come, and it waits for its turn
	RunProbes = "probing" // a probe is in flight
)

// Load is how busy a runner is.
type Load struct {
	Checks  int // that are run
	Probes  int // in flight
	Waiting int // for their turn, because too many are in flight
}

// runsAtOnce is how many runs are copied under one hold of the lock.
const runsAtOnce = 256

// Runs calls f for every check that is run, in no order. The lock is not held
// meanwhile, so a check that comes or goes may or may not be among them.
func (r *Runner) Runs(f func(Run)) {
	r.mu.Lock()
	all := make([]*task, 0, len(r.tasks))
	for _, t := range r.tasks {
		all = append(all, t)
	}
	r.mu.Unlock()
	buf := make([]Run, 0, min(len(all), runsAtOnce))
	for len(all) > 0 {
		n := min(len(all), runsAtOnce)
		buf = buf[:0]
		r.mu.Lock()
		wall, now := time.Now(), r.now()
		for _, t := range all[:n] {
			if !t.gone {
				buf = append(buf, t.run(wall, now))
			}
		}
		r.mu.Unlock()
		all = all[n:]
		for _, run := range buf {
			f(run)
		}
	}
}

// Run returns how one check is doing; ok is false when it is not run here.
func (r *Runner) Run(id ID) (_ Run, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tasks[id]
	if t == nil {
		return Run{}, false
	}
	return t.run(time.Now(), r.now()), true
}

// Load returns how busy the runner is.
func (r *Runner) Load() Load {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Load{
		Checks:  len(r.tasks),
		Probes:  r.quick.inflight + r.slow.inflight,
		Waiting: r.quick.waiting + r.slow.waiting,
	}
}

// run shows t by the wall clock, which says wall at the moment now.
func (t *task) run(wall time.Time, now moment) Run {
	at := func(m moment) time.Time {
		if m == 0 {
			return time.Time{}
		}
		return wall.Add(time.Duration(m - now)).Round(0) // without a monotonic part
	}
	v := Run{ID: t.id, Status: t.status, Output: t.output, Last: at(t.ran), Took: t.took.duration(),
		Late: t.late.duration(), Runs: t.runs, Next: at(t.due)}
	switch {
	case t.turn != nil:
		v.State = RunWaits
	case t.probing:
		// due is that of the run in flight.
		v.State, v.Next = RunProbes, at(nextRun(t.due, now, interval(t.def)))
	}
	return v
}

// ranAt notes a run that began at began and ended just now.
func (t *task) ranAt(began, now moment) {
	t.ran, t.took = began, micros(now-began)
	t.runs++
}

// micro is a duration in microseconds, in half the size; it ends at 71 minutes.
type micro uint32

func micros(m moment) micro {
	return micro(min(max(int64(m)/1000, 0), math.MaxUint32))
}

func (u micro) duration() time.Duration { return time.Duration(u) * time.Microsecond }
