package httpapi

import "sync"

// seenLimit bounds the requests remembered for X-Cache.
const seenLimit = 4096

// seenQueries remembers which ?cached requests came before. Every server has
// the whole catalog in memory, so there is no cache to hit: answers are always
// fresh, and X-Cache only tells clients what they expect to be told.
type seenQueries struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (s *seenQueries) note(key string) (hit bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[key] {
		return true
	}
	if s.seen == nil || len(s.seen) >= seenLimit {
		s.seen = map[string]bool{}
	}
	s.seen[key] = true
	return false
}

// sayCache sets the headers of a ?cached read.
func (h *Handler) sayCache(q *request) {
	head := q.w.Header()
	if h.agentSeen.note(q.URL.Path + "?" + q.URL.RawQuery) {
		head.Set("X-Cache", "HIT")
		head.Set("Age", "0")
		return
	}
	head.Set("X-Cache", "MISS")
}
