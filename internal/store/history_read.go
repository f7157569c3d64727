package store

import "github.com/registryd/registryd/pkg/api"

// HistoryScope says whose history is meant: that of a service or of a node, or
// of all where it is zero.
type HistoryScope struct{ service, node string } // their keys

// ServiceHistory is the scope of a service. An empty name stands for all.
func ServiceHistory(name string) HistoryScope {
	return HistoryScope{service: ServiceKey(cut(name, nameMax))}
}

// NodeHistory is the scope of a node. An empty name stands for all.
func NodeHistory(name string) HistoryScope { return HistoryScope{node: NodeKey(cut(name, nameMax))} }

// HistoryLimits returns what bounds the history.
func (s *State) HistoryLimits() HistoryLimits { return s.history.limits }

// History calls f for each event of the scope, newest first, until it returns
// false. f may keep the event.
func (s *State) History(of HistoryScope, f func(*api.HistoryEvent) bool) {
	list := s.history.list
	for i := len(list) - 1; i >= 0; i-- {
		if !list[i].concerns(of) {
			continue
		}
		e := &api.HistoryEvent{}
		if list[i].event(e) == nil && !f(e) {
			return
		}
	}
}

// HistoryIndex returns the index of a scope's history, at least 1: that of its
// last event. Where the list has no event of the scope, a reader is told the
// index that it has seen already, so that it does not wake when events of others
// are dropped. One that has seen none (seen is 0) is told the index of the last
// event that was dropped.
//
// Only events after seen are looked at.
func (s *State) HistoryIndex(of HistoryScope, seen uint64) uint64 {
	h := &s.history
	if seen > s.Index() {
		seen = 0 // of another cluster
	}
	for i := len(h.list) - 1; i >= 0; i-- {
		if h.list[i].concerns(of) {
			return max(h.list[i].index, s.restored)
		}
		if h.list[i].index <= seen {
			return max(seen, s.restored)
		}
	}
	index := max(h.floor, s.restored, 1)
	if seen > 0 && seen < index {
		index = max(seen, s.restored)
	}
	return index
}

// HistoryWatch returns what fires when the history of the scope, which is that
// of one name, may have a new event; look at HistoryIndex then.
func (s *State) HistoryWatch(of HistoryScope) *Watch {
	switch {
	case of.service != "":
		return s.history.watches[watchOf(historyService, of.service)]
	case of.node != "":
		return s.history.watches[watchOf(historyNode, of.node)]
	}
	return &s.Table(TableHistory).Watch
}
