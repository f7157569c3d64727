package checks

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// Reconcile tells the runner of checks it is to run, as the catalog has them
// now, and of checks it is no longer to run. Telling it the same again changes
// nothing. The checks must not be changed afterwards.
//
// A check is run as its Probe says, or its Definition when there is no Probe. A
// new TTL check has its full TTL ahead, and a probe first runs at a random moment
// of its first interval. A check that is already run and is defined as before
// keeps its state; another definition starts it anew with the status it has. A
// check that cannot be run is left alone, as it is in the catalog.
//
// When the catalog has another status than was reported here, the one reported
// here is emitted again.
//
// When Reconcile returns, no Transition of a removed check is emitted any more;
// for that it may wait for a call of Emit that is under way.
func (r *Runner) Reconcile(changed []*api.Check, removed []ID) {
	var stopped []*task
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	for _, id := range removed {
		if t := r.tasks[id]; t != nil {
			r.drop(t)
			stopped = append(stopped, t)
		}
	}
	now := r.now()
	for _, c := range changed {
		id := ID{Node: c.Node, CheckID: c.CheckID}
		t := r.tasks[id]
		def := r.runnable(c, t)
		switch {
		case def == nil && t != nil:
			r.drop(t)
			stopped = append(stopped, t)
		case def == nil:
		case t == nil:
			r.add(id, c, def, now)
		default:
			r.update(t, c, def, now)
		}
	}
	r.mu.Unlock()
	r.awaitEmit(stopped...)
}

// runnable returns how c is to be run, nil if it is not. t is its task, nil if
// it is not run yet.
func (r *Runner) runnable(c *api.Check, t *task) *api.CheckDefinition {
	def, scripts := c.Probe, r.cfg.EnableScripts
	if def == nil {
		// Anybody who may write to the catalog could send a command this way.
		def, scripts = c.Definition, false
	}
	if t != nil && t.def == def {
		return def // the very value that was looked at before
	}
	if kindOf(def) == kindNone {
		return nil
	}
	if err := Validate(def, scripts); err != nil {
		r.cfg.Logger.Warn("check is not run", "node", c.Node, "check", c.CheckID, "error", err)
		return nil
	}
	return def
}

// add starts a check.
func (r *Runner) add(id ID, c *api.Check, def *api.CheckDefinition, now moment) {
	h := r.heard(c, def, c.Output)
	t := &task{
		id: id, serviceID: c.ServiceID, def: def, kind: kindOf(def),
		status: c.Status, output: c.Output, sentStatus: h.status, sentOutput: h.output,
		changed: now, place: -1, tally: newTally(def), counted: h.counted,
	}
	if c.Output != "" && h.status != "" {
		// It has been run before, by another server or before a restart.
		t.tally = resumeTally(def, h.status)
	}
	r.tasks[id] = t
	r.begin(t, now)
}

// update brings a running check up to date with the catalog.
func (r *Runner) update(t *task, c *api.Check, def *api.CheckDefinition, now moment) {
	same := t.def == def || reflect.DeepEqual(t.def, def)
	if !same {
		r.end(t) // which still needs the old definition
	}
	t.serviceID, t.def = c.ServiceID, def
	h := r.heard(c, def, t.sentOutput)
	t.sentStatus, t.sentOutput, t.counted = h.status, h.output, h.counted
	if !same && def.Observers > 1 {
		t.reported = false // a vote is on what the check is now
	}
	if !t.reported {
		t.status, t.output = c.Status, c.Output
	}
	if !same {
		t.kind, t.tally = kindOf(def), newTally(def)
		r.begin(t, now)
	}
	r.settle(t, now)
}

// heard is what the catalog has of this server's reports of a check.
type heard struct {
	status, output string
	counted        bool // it need not hear again that the check is critical
}

// heard returns what the catalog has heard of c from this server; sent is the
// output that was sent last.
//
// That need not be what the check shows. While it is held or guarded, what was
// reported stands in its verdict. Where several servers run it, it shows what
// most of them see, with the output of one of them: then this server's report is
// its vote, with no status if it has not voted yet.
func (r *Runner) heard(c *api.Check, def *api.CheckDefinition, sent string) heard {
	v := c.Verdict
	if def.Observers <= 1 {
		h := heard{status: c.Status, output: c.Output, counted: v != nil && v.CriticalSince != 0}
		if v != nil && v.Observed != "" {
			h.status, h.output = v.Observed, v.Output
		}
		return h
	}
	h := heard{output: sent, counted: true}
	if v != nil {
		for _, vote := range v.Votes {
			if strings.EqualFold(vote.Server, r.cfg.Server) {
				h.status = vote.Status
			}
		}
	}
	return h
}

// drop stops a check for good.
func (r *Runner) drop(t *task) {
	r.end(t)
	t.gone = true
	t.flush = 0
	r.queue.remove(t)
	delete(r.tasks, t.id)
}

// begin starts the clock of t, or its watch.
func (r *Runner) begin(t *task, now moment) {
	switch t.kind {
	case kindTTL:
		t.due = now.after(time.Duration(t.def.TTL))
	case kindAlias:
		r.watchAlias(t)
	default:
		t.due = now.after(rand.N(interval(t.def)))
	}
	r.schedule(t)
}

// end stops what t has under way; results that still arrive are void.
func (r *Runner) end(t *task) {
	if t.turn != nil {
		r.laneOf(t).quit(t, hostOf(t.def, t.kind))
	}
	t.gen++
	t.due, t.ran, t.took, t.late, t.runs = 0, 0, 0, 0, 0
	t.probing, t.slow = false, false
	if t.cancel != nil {
		t.cancel()
		t.cancel = nil
	}
}
