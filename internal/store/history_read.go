package store

import "github.com/registryd/registryd/pkg/api"

// HistoryScope says whose history is meant: that of a service or of a node, by
// its key, or of all where both are empty.
type HistoryScope struct {
	Service string // ServiceKey
	Node    string // NodeKey
}

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
// last event. If it has none (any more), it is that of the last event dropped;
// but a reader who has seen an index is then told that one, since that others'
// events are dropped is nothing to wake for. seen is 0 for who has not.
//
// It takes no longer than there are events after seen.
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
	case of.Service != "":
		return s.history.watches[watchOf(historyService, of.Service)]
	case of.Node != "":
		return s.history.watches[watchOf(historyNode, of.Node)]
	}
	return &s.Table(TableHistory).Watch
}
