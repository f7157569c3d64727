package registry

import (
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// sinceWhen adds when the status of the checks came about, as far as the
// history still has that. It goes through the history once, backwards.
func sinceWhen(st *store.State, which api.CheckRuns, list []*api.CheckRun) {
	u := undated{checks: map[string]*api.CheckRun{}, instances: map[string][]*api.CheckRun{}}
	for _, c := range list {
		u.checks[dated(c.Node, c.CheckID)] = c
		if c.ServiceID != "" {
			key := dated(c.Node, c.ServiceID)
			u.instances[key] = append(u.instances[key], c)
		}
	}
	of := store.ServiceHistory(which.Service)
	if which.Service == "" {
		of = store.NodeHistory(which.Node)
	}
	st.History(of, func(e *api.HistoryEvent) bool {
		u.see(e)
		return len(u.checks) > 0
	})
}

// undated are checks whose status came about before the events seen so far.
type undated struct {
	checks    map[string]*api.CheckRun   // by node and check ID
	instances map[string][]*api.CheckRun // those of instances, by node and service ID
}

func dated(node, id string) string { return store.NodeKey(node) + "\x00" + store.IDKey(id) }

// see takes the event before those seen so far.
func (u *undated) see(e *api.HistoryEvent) {
	switch {
	case e.CheckID != "" && e.To != "" && e.From != e.To: // of whatever kind
		if c := u.checks[dated(e.Node, e.CheckID)]; c != nil {
			u.date(e, dated(e.Node, e.CheckID), c)
		}
	case e.Kind == api.HistoryRegistered && e.ServiceID != "":
		// Its checks came with it.
		for _, c := range u.instances[dated(e.Node, e.ServiceID)] {
			if key := dated(e.Node, c.CheckID); u.checks[key] == c {
				u.date(e, key, c)
			}
		}
	case e.Kind == api.HistoryMoved:
		// Before, it was on another node.
		moved := u.instances[dated(e.Node, e.ServiceID)]
		for _, c := range moved {
			if key := dated(e.Node, c.CheckID); u.checks[key] == c {
				delete(u.checks, key)
				u.checks[dated(e.From, c.CheckID)] = c
			}
		}
		delete(u.instances, dated(e.Node, e.ServiceID))
		u.instances[dated(e.From, e.ServiceID)] = moved
	}
}

func (u *undated) date(e *api.HistoryEvent, key string, c *api.CheckRun) {
	c.Since = e.Time
	delete(u.checks, key)
}
