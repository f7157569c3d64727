package httpapi

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// look is what a read sees in one state: the index its answer has, what tells
// of the next version, and how to make the answer. Only what is needed is
// called.
type look struct {
	index  uint64
	shown  uint64          // index the answer has instead, if that is higher: what it takes to wake is index
	watch  *store.Watch    // nil where absent is set
	absent <-chan struct{} // instead of watch; may be closed without a change
	status int             // 0 means 200
	body   func() (*encoded, error)
	kind   string // Content-Type, empty means JSON
	header http.Header
}

// readMode says how the headers of a read look.
type readMode struct {
	consistency bool // say X-Consul-Effective-Consistency
	cache       bool // ?cached has a meaning
	quiet       bool // none of the headers of reads
}

var (
	catalogRead = readMode{consistency: true}
	cachedRead  = readMode{consistency: true, cache: true}
	plainRead   = readMode{}
)

// read answers a read at the consistency it asks for, waiting for a newer
// index if it gives one. It is the only loop of this kind.
//
// The bargain with clients: the index is never 0 and does not run backwards;
// an answer before the wait is over means the index has moved.
func (h *Handler) read(q *request, mode readMode, see func(*store.State) (look, error)) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	st, err := h.fresh(q)
	if err != nil {
		return reply{}, err
	}
	l, err := see(st)
	if err != nil {
		return reply{}, err
	}
	if q.index > 0 && l.index <= q.index {
		if l, err = h.wait(q, l, see); err != nil {
			return reply{}, err
		}
	}
	r := reply{status: l.status, kind: l.kind, header: l.header}
	if l.body != nil {
		if r.body, err = l.body(); err != nil {
			return reply{}, err
		}
	}
	if !mode.quiet {
		r.meta = h.meta(q, mode, max(l.index, l.shown))
	}
	if mode.cache && q.cached {
		if err := q.cacheControl(); err != nil {
			return reply{}, err
		}
		h.sayCache(q)
	}
	return r, nil
}

// fresh returns a state that is as new as the request asks for.
func (h *Handler) fresh(q *request) (*store.State, error) {
	if !q.stale {
		return h.reg.Read(q.Context(), q.consistency)
	}
	if q.maxStale > 0 && h.reg.Staleness() > q.maxStale {
		return h.reg.Read(q.Context(), raft.Default)
	}
	return h.reg.State(), nil
}

// wait blocks until the index of what see sees is above the request's, or the
// wait is over, and returns the last look.
func (h *Handler) wait(q *request, l look, see func(*store.State) (look, error)) (look, error) {
	d := q.wait
	if d <= 0 {
		d = h.cfg.DefaultWait
	}
	d = min(d, h.cfg.MaxWait)
	// Spread over a sixteenth, so that readers that came together do not all
	// come back together.
	d += rand.N(d/16 + 1)
	timer := time.NewTimer(d)
	defer timer.Stop()
	h.reg.Blocked(1)
	defer h.reg.Blocked(-1)
	for l.index <= q.index {
		changed := l.absent
		if l.watch != nil {
			changed = l.watch.C()
		}
		var err error
		select {
		case <-changed:
			if l, err = see(h.reg.State()); err != nil {
				return l, err
			}
		case <-timer.C:
			return h.lastLook(q, see)
		case <-q.Context().Done():
			return l, q.Context().Err()
		case <-h.stop.Done():
			return l, api.E(api.Unavailable, "the server is shutting down")
		}
	}
	return l, nil
}

// lastLook reads once more when the time is up: the server may have lost its
// leader meanwhile, and an old answer would then be given as a fresh one.
func (h *Handler) lastLook(q *request, see func(*store.State) (look, error)) (look, error) {
	st, err := h.fresh(q)
	if err != nil {
		return look{}, err
	}
	return see(st)
}

// meta returns the headers of a read.
func (h *Handler) meta(q *request, mode readMode, index uint64) *meta {
	m := &meta{index: max(index, 1), backend: true}
	m.known, m.lastContact = true, 0
	if q.stale {
		m.known = h.reg.KnownLeader()
		m.lastContact = h.reg.Staleness().Milliseconds()
	}
	if mode.consistency {
		switch {
		case q.stale:
			m.consistency = "stale"
		case q.consistency == raft.Consistent:
			m.consistency = "consistent"
		default:
			m.consistency = "leader"
		}
	}
	return m
}
