package balance

import (
	"math/rand/v2"
	"sync"
)

// schedule is a heap of candidates by turn: the one whose virtual time is
// lowest is next, and picking it moves that on by one over its share
// (start-time fair queueing). With byLoad the outstanding requests in
// proportion to the share come first, and turns decide among equals. Picking
// and reporting cost O(log n) under one lock.
type schedule struct {
	share  func(candidate) float64
	byLoad bool

	mu    sync.Mutex
	now   float64 // virtual time of the last turn
	items []item
}

// item is a candidate's place in the schedule. With byLoad its slot in the
// endpoint always is its index.
type item struct {
	load  float64 // 0 unless byLoad
	vtime float64
	step  float64 // one over the share
	e     *endpoint
}

func newSchedule(share func(candidate) float64, byLoad bool) *schedule {
	return &schedule{share: share, byLoad: byLoad}
}

// update replaces the candidates. Those that stay keep their turn, new ones
// begin at a random point of their first round so that equal ones do not march
// in step.
func (s *schedule) update(list []candidate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.items {
		it := &s.items[i]
		it.e.vtime, it.e.slot = it.vtime, -1
	}
	s.items = make([]item, len(list))
	for i, c := range list {
		it := item{step: 1 / s.share(c), vtime: c.e.vtime, e: c.e}
		if it.vtime <= s.now {
			it.vtime = s.now + rand.Float64()*it.step
		}
		// A share that shrank or grew must not leave it far ahead of its turn.
		it.vtime = min(it.vtime, s.now+it.step)
		if s.byLoad {
			it.load = float64(c.e.inflight) * it.step
		}
		s.items[i] = it
		c.e.slot = i
	}
	for i := len(s.items)/2 - 1; i >= 0; i-- {
		s.down(i)
	}
}

func (s *schedule) pick(q query) *endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.best(q)
	if i < 0 {
		return nil
	}
	it := &s.items[i]
	// Whoever could not be picked for a while does not catch up: that would be
	// a burst.
	s.now = max(s.now, it.vtime)
	it.vtime = s.now + it.step
	e := it.e
	e.outstanding.Add(1)
	if s.byLoad {
		e.inflight++
		it.load = float64(e.inflight) * it.step
	}
	s.down(i)
	return e
}

// best is the index of the next candidate that the query does not pass over,
// -1 if there is none. Queries that pass over some are rare, so they may look
// at all.
func (s *schedule) best(q query) int {
	if len(s.items) == 0 {
		return -1
	}
	if q.skip == nil || !s.items[0].e.skipped(q) {
		return 0
	}
	found := -1
	for i := range s.items {
		if (found < 0 || s.less(i, found)) && !s.items[i].e.skipped(q) {
			found = i
		}
	}
	return found
}

func (s *schedule) take(e *endpoint) {
	e.outstanding.Add(1)
	s.count(e, 1)
}

func (s *schedule) done(e *endpoint) { s.count(e, -1) }

// count changes the load of e, which may not be among the candidates any more.
func (s *schedule) count(e *endpoint, by int) {
	if !s.byLoad {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e.inflight += by
	if e.slot < 0 {
		return
	}
	it := &s.items[e.slot]
	it.load = float64(e.inflight) * it.step
	s.up(e.slot)
	s.down(e.slot)
}

func (s *schedule) less(i, j int) bool { return s.items[i].before(&s.items[j]) }

func (a *item) before(b *item) bool {
	if a.load != b.load {
		return a.load < b.load
	}
	return a.vtime < b.vtime
}

// down moves an item towards the leaves until none below it comes earlier.
func (s *schedule) down(i int) {
	it := s.items[i]
	for {
		c := 2*i + 1
		if c >= len(s.items) {
			break
		}
		if r := c + 1; r < len(s.items) && s.less(r, c) {
			c = r
		}
		if !s.items[c].before(&it) {
			break
		}
		s.put(i, s.items[c])
		i = c
	}
	s.put(i, it)
}

// up moves an item towards the root until none above it comes later.
func (s *schedule) up(i int) {
	it := s.items[i]
	for i > 0 {
		p := (i - 1) / 2
		if !it.before(&s.items[p]) {
			break
		}
		s.put(i, s.items[p])
		i = p
	}
	s.put(i, it)
}

// put places an item. Only count looks for the slot of an endpoint, and only
// with byLoad: else the endpoints, which lie scattered in memory, are let be.
func (s *schedule) put(i int, it item) {
	s.items[i] = it
	if s.byLoad {
		it.e.slot = i
	}
}
