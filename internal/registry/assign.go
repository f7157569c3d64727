package registry

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// assignPause is the shortest time between two reconciliations, so that a
// burst of registrations is looked at together.
const assignPause = 10 * time.Millisecond

// assigner keeps the runner's checks equal to those the catalog gives this
// server: it compares the views that changed since it last looked.
type assigner struct {
	r *Registry

	mu    sync.Mutex // one reconciliation at a time; guards what follows
	seen  map[string]*store.NodeView
	mine  map[checks.ID]*api.Check
	live  []string // the live servers of the last look
	index uint64   // of the state last looked at

	kick  chan struct{} // there is something in stale
	waits sync.Mutex    // guards stale
	stale []checks.ID   // to be told of again
}

func newAssigner(r *Registry) *assigner {
	return &assigner{r: r, seen: map[string]*store.NodeView{}, mine: map[checks.ID]*api.Check{}, kick: make(chan struct{}, 1)}
}

// run reconciles after each change of checks until the context ends.
func (a *assigner) run(ctx context.Context) {
	for {
		st := a.r.State()
		changed := st.Table(store.TableProbes).Watch.C()
		a.reconcile(st)
		select {
		case <-changed:
		case <-a.kick:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(assignPause):
		case <-ctx.Done():
			return
		}
	}
}

// again makes the next reconciliation tell the runner of checks whatever it was
// told before. It does not wait for that, so Emit may call it.
func (a *assigner) again(ids []checks.ID) {
	a.waits.Lock()
	a.stale = append(a.stale, ids...)
	a.waits.Unlock()
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// sync reconciles with the present state before it returns.
func (a *assigner) sync() { a.reconcile(a.r.State()) }

func (a *assigner) reconcile(st *store.State) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if st.Index() < a.index {
		return // another look has been further
	}
	a.index = st.Index()
	live := st.LiveServers()
	moved := !slices.Equal(live, a.live) // ownership of any check may have changed
	a.live = live
	var changed []*api.Check
	var removed []checks.ID
	present := 0
	st.ProbedNodes(func(v *store.NodeView) bool {
		key := store.NodeKey(v.Node.Node)
		old := a.seen[key]
		if old != nil {
			present++
		}
		if old == v && !moved {
			return true
		}
		c, r := a.diff(old, v)
		changed, removed = append(changed, c...), append(removed, r...)
		a.seen[key] = v
		return true
	})
	if present < len(a.seen) {
		removed = append(removed, a.forget(st)...)
	}
	changed = append(changed, a.toldAgain()...)
	if len(changed)+len(removed) > 0 {
		a.r.run.Reconcile(changed, removed)
	}
}

// toldAgain returns the checks that again asked for and this server runs.
func (a *assigner) toldAgain() (list []*api.Check) {
	a.waits.Lock()
	defer a.waits.Unlock()
	for _, id := range a.stale {
		if c := a.mine[id]; c != nil {
			list = append(list, c)
		}
	}
	a.stale = nil
	return list
}

// diff compares what this server runs of a node with what it should.
func (a *assigner) diff(old, v *store.NodeView) (changed []*api.Check, removed []checks.ID) {
	var before []*api.Check
	if old != nil {
		before = old.Checks
	}
	i := 0
	for _, c := range v.Checks {
		for i < len(before) && store.CompareIDs(before[i].CheckID, c.CheckID) < 0 {
			removed = a.drop(removed, before[i])
			i++
		}
		same := i < len(before) && before[i] == c
		if i < len(before) && store.CompareIDs(before[i].CheckID, c.CheckID) == 0 {
			if before[i].CheckID != c.CheckID {
				removed = a.drop(removed, before[i]) // it is spelled anew
			}
			i++
		}
		ref := checks.ID{Node: c.Node, CheckID: c.CheckID}
		_, running := a.mine[ref]
		switch {
		case !store.Runnable(c) || !store.RunsAmong(a.live, v.Node, c, a.r.cfg.Name):
			removed = a.drop(removed, c)
		case !running || !same:
			a.mine[ref] = c
			changed = append(changed, c)
		}
	}
	for ; i < len(before); i++ {
		removed = a.drop(removed, before[i])
	}
	return changed, removed
}

func (a *assigner) drop(removed []checks.ID, c *api.Check) []checks.ID {
	ref := checks.ID{Node: c.Node, CheckID: c.CheckID}
	if _, ok := a.mine[ref]; ok {
		delete(a.mine, ref)
		removed = append(removed, ref)
	}
	return removed
}

// forget drops the checks of nodes that have none to run any more.
func (a *assigner) forget(st *store.State) (removed []checks.ID) {
	for key, v := range a.seen {
		if now, _ := st.Node(key); now != nil && now.Probes > 0 {
			continue
		}
		for _, c := range v.Checks {
			removed = a.drop(removed, c)
		}
		delete(a.seen, key)
	}
	return removed
}
