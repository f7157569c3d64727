package registry

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// CheckRuns lists the checks that the cluster runs, as st has them, by node and
// ID or in the order of the service's instances: who runs each is in the state,
// how that goes is asked of the servers. Silent names those that did not tell in
// time.
func (r *Registry) CheckRuns(ctx context.Context, st *store.State, which api.CheckRuns) (list []*api.CheckRun, silent []string) {
	live := st.LiveServers()
	byOwner := map[string][]*api.CheckRun{}
	eachRunnable(st, which, func(n *api.Node, c *api.Check) {
		observers := store.ObserversAmong(live, n, c)
		owner := ""
		if len(observers) > 0 {
			owner = observers[0]
		}
		here := slices.Contains(observers, r.cfg.Name)
		if which.Local && !here || which.Service != "" && store.ServiceKey(c.ServiceName) != store.ServiceKey(which.Service) {
			return
		}
		run := describe(c, owner)
		if len(observers) > 1 {
			run.Observers = observers
		}
		list = append(list, run)
		if which.Local {
			owner = r.cfg.Name // it runs the check, whether it owns it or not
		}
		byOwner[owner] = append(byOwner[owner], run)
	})
	sinceWhen(st, which, list)
	var asking sync.WaitGroup
	var mu sync.Mutex
	for owner, theirs := range byOwner {
		v, _ := st.Node(owner)
		switch {
		case owner == r.cfg.Name:
			r.fill(theirs)
		case v != nil:
			asking.Go(func() {
				if !r.askRuns(ctx, v.Node.ID, theirs) {
					mu.Lock()
					defer mu.Unlock()
					silent = append(silent, owner)
				}
			})
		}
	}
	asking.Wait()
	slices.Sort(silent)
	return list, silent
}

// eachRunnable calls f for checks that the cluster runs, with their nodes: for all
// those asked for, and perhaps for more.
func eachRunnable(st *store.State, which api.CheckRuns, f func(*api.Node, *api.Check)) {
	each := func(n *api.Node, cs []*api.Check) {
		for _, c := range cs {
			if store.Runnable(c) {
				f(n, c)
			}
		}
	}
	switch {
	case which.Node != "":
		if v, _ := st.Node(which.Node); v != nil {
			each(v.Node, v.Checks)
		}
	case which.Service != "":
		if v, _ := st.Service(which.Service); v != nil {
			for _, i := range v.Instances {
				each(i.Node, i.OwnChecks)
			}
		}
	default:
		st.ProbedNodes(func(v *store.NodeView) bool {
			each(v.Node, v.Checks)
			return true
		})
	}
}

// describe says what the catalog knows of a check that is run.
func describe(c *api.Check, owner string) *api.CheckRun {
	def := c.Probe
	if def == nil {
		def = c.Definition
	}
	run := &api.CheckRun{Node: c.Node, CheckID: c.CheckID, Name: c.Name, ServiceID: c.ServiceID, ServiceName: c.ServiceName,
		Type: checks.TypeOf(def), Target: checks.Target(def), Status: c.Status, Output: c.Output, Owner: owner}
	for _, d := range []struct {
		from api.Duration
		to   *string
	}{{def.Interval, &run.Interval}, {def.Timeout, &run.Timeout}, {def.TTL, &run.TTL}} {
		if d.from > 0 {
			*d.to = d.from.String()
		}
	}
	if v := c.Verdict; v != nil {
		run.Votes, run.Observed, run.Changes = v.Votes, v.Observed, len(v.Flips)
		run.DeregisterAt, run.CriticalSince, run.HeldUntil, run.GuardedUntil = moment(v.DeregisterAt), moment(v.CriticalSince), moment(v.HeldUntil), moment(v.GuardedUntil)
		_, run.Output = store.Seen(c)
	}
	return run
}

// moment is a time in nanoseconds since 1970, zero for 0.
func moment(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns).UTC()
}

// fill adds how the checks go that this server runs.
func (r *Registry) fill(list []*api.CheckRun) {
	now := time.Now()
	for _, c := range list {
		if run, ok := r.run.Run(checks.ID{Node: c.Node, CheckID: c.CheckID}); ok {
			told(run, now, c.Output).into(c)
		}
	}
}

// runsKind is the internal request that asks a server how its checks go.
const runsKind = "runs"

// runsWait is how long the servers have to tell; runsBatch is how many checks
// are asked for at once, so that the longest outputs fit into one answer.
const (
	runsWait  = 3 * time.Second
	runsBatch = 1024
)

// toldRun is how a check goes, as one server tells another. Fields are added,
// never renamed. Times are nanoseconds since 1970, 0 for none.
type toldRun struct {
	Last, Next int64         `json:",omitempty"`
	Took, Late time.Duration `json:",omitempty"`
	Left       time.Duration `json:",omitempty"` // until Next
	Runs       uint32        `json:",omitempty"`
	State      string        `json:",omitempty"`
	Output     *string       `json:",omitempty"` // nil: as the catalog has it
}

// told is what there is to tell of a run at the time now, to somebody who knows
// the output in the catalog.
func told(run checks.Run, now time.Time, output string) *toldRun {
	t := &toldRun{Took: run.Took, Late: run.Late, Runs: run.Runs, State: run.State}
	if !run.Last.IsZero() {
		t.Last = run.Last.UnixNano()
	}
	if !run.Next.IsZero() {
		t.Next, t.Left = run.Next.UnixNano(), max(run.Next.Sub(now), 0)
	}
	if run.Output != output {
		t.Output = &run.Output
	}
	return t
}

// into adds what was told to what is known.
func (t *toldRun) into(c *api.CheckRun) {
	c.Answered = true
	c.LastRun, c.NextRun = moment(t.Last), moment(t.Next)
	c.Took, c.Late, c.Runs, c.State = api.Duration(t.Took), api.Duration(t.Late), t.Runs, t.State
	if c.TTL != "" {
		c.TTLLeft = api.Duration(t.Left)
	}
	if t.Output != nil {
		c.Output = *t.Output
	}
}

// askRuns asks another server how its checks go, and reports whether it told of
// all.
func (r *Registry) askRuns(ctx context.Context, server string, list []*api.CheckRun) bool {
	ctx, cancel := context.WithTimeout(ctx, runsWait)
	defer cancel()
	for part := range slices.Chunk(list, runsBatch) {
		ids := make([]checks.ID, len(part))
		for i, c := range part {
			ids[i] = checks.ID{Node: c.Node, CheckID: c.CheckID}
		}
		req, err := json.Marshal(ids)
		if err != nil {
			return false
		}
		b, err := r.cons.Call(ctx, server, runsKind, req)
		var runs []*toldRun
		if err != nil || json.Unmarshal(b, &runs) != nil || len(runs) != len(part) {
			return false
		}
		for i, c := range part {
			if runs[i] != nil {
				runs[i].into(c)
			}
		}
	}
	return true
}

// handleRuns answers such a request: a value for each check, null for those
// that are not run here.
func (r *Registry) handleRuns(_ context.Context, req []byte) ([]byte, error) {
	var ids []checks.ID
	if err := json.Unmarshal(req, &ids); err != nil || len(ids) > runsBatch {
		return nil, api.E(api.Invalid, "unreadable list of checks")
	}
	st, now := r.State(), time.Now()
	runs := make([]*toldRun, len(ids))
	for i, id := range ids {
		run, ok := r.run.Run(id)
		if !ok {
			continue
		}
		output := "" // of a check that the catalog no longer has
		if v, _ := st.Node(id.Node); v != nil {
			if c := v.Check(id.CheckID); c != nil {
				_, output = store.Seen(c)
			}
		}
		runs[i] = told(run, now, output)
	}
	return json.Marshal(runs)
}
