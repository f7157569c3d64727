package registry

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// sessionDeadlines holds when each session with a TTL ends unless it is
// renewed. Only the leader has them, in memory: renewing costs no log entry,
// and a new leader gives every session its full TTL again, so a session may end
// late after a change of leader and never early.
type sessionDeadlines struct {
	mu    sync.Mutex
	on    bool // this server leads
	byID  map[string]*sessionDeadline
	queue sessionQueue
	kick  chan struct{} // there is a new deadline
}

type sessionDeadline struct {
	id     string
	ttl    time.Duration
	at     time.Time
	place  int  // in the queue
	ending bool // its end has been proposed: too late to renew
}

func newSessionDeadlines() *sessionDeadlines {
	return &sessionDeadlines{kick: make(chan struct{}, 1)}
}

// sessionScan is the shortest time between two looks for new sessions. A
// session's first deadline is late by as much at most.
const sessionScan = 100 * time.Millisecond

// expireSessions ends sessions that are not renewed, until ctx, a term's, ends.
func (r *Registry) expireSessions(ctx context.Context) {
	d := r.deadlines
	d.reset(true)
	defer d.reset(false)
	var ended sync.WaitGroup
	defer ended.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var pause <-chan time.Time
	var table <-chan struct{}
	look := func() {
		st := r.State()
		table = st.Table(store.TableSessions).Watch.C()
		d.follow(st, time.Now())
	}
	look()
	for {
		due, next := d.due(time.Now())
		for len(due) > 0 {
			n := min(len(due), store.MaxTxnOps)
			batch := due[:n]
			due = due[n:]
			ended.Go(func() { r.endSessions(ctx, batch) })
		}
		timer.Reset(next)
		select {
		case <-ctx.Done():
			return
		case <-table:
			table, pause = nil, time.After(sessionScan)
		case <-pause:
			pause = nil
			look()
		case <-d.kick:
		case <-timer.C:
		}
	}
}

// endSessions ends sessions whose deadline has passed, as one command.
func (r *Registry) endSessions(ctx context.Context, ids []string) {
	cmd := &store.Txn{}
	for _, id := range ids {
		cmd.Ops = append(cmd.Ops, store.TxnOp{Session: id})
	}
	for ctx.Err() == nil {
		_, err := r.propose(ctx, cmd)
		if err == nil {
			r.log.Info("sessions ended that were not renewed", "sessions", len(ids))
			return
		}
		r.log.Warn("cannot end sessions that were not renewed, trying again", "sessions", len(ids), "error", err)
		select {
		case <-time.After(retryDelay):
		case <-ctx.Done():
		}
	}
}

// reset forgets all deadlines.
func (d *sessionDeadlines) reset(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.on, d.byID, d.queue = on, map[string]*sessionDeadline{}, nil
}

// follow makes deadlines of the sessions that have none yet, and drops those of
// sessions that are gone.
func (d *sessionDeadlines) follow(st *store.State, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	present := 0
	st.Sessions(func(s *api.Session) bool {
		if d.byID[s.ID] != nil {
			present++
		} else if d.add(s, now) {
			present++
		}
		return true
	})
	if present == len(d.byID) {
		return
	}
	for id, e := range d.byID {
		if st.Session(id) == nil {
			d.drop(e)
		}
	}
}

// add makes a session's deadline; false if it has no TTL.
func (d *sessionDeadlines) add(s *api.Session, now time.Time) bool {
	ttl, err := time.ParseDuration(s.TTL)
	if err != nil || ttl <= 0 {
		return false
	}
	e := &sessionDeadline{id: s.ID, ttl: ttl, at: now.Add(ttl)}
	d.byID[s.ID] = e
	heap.Push(&d.queue, e)
	return true
}

func (d *sessionDeadlines) drop(e *sessionDeadline) {
	delete(d.byID, e.id)
	if !e.ending {
		heap.Remove(&d.queue, e.place)
	}
}

// renew gives a session its full TTL again.
func (d *sessionDeadlines) renew(st *store.State, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.on {
		return api.E(api.NotLeader, "this server does not lead the cluster")
	}
	s := st.Session(id)
	e := d.byID[id]
	now := time.Now()
	switch {
	case s == nil, e != nil && e.ending:
		return api.E(api.NotFound, "Session id '"+id+"' not found")
	case e != nil:
		e.at = now.Add(e.ttl)
		heap.Fix(&d.queue, e.place)
	case d.add(s, now):
		select {
		case d.kick <- struct{}{}:
		default:
		}
	}
	return nil
}

// due takes the sessions whose deadline has passed out of the queue and returns
// them, and how long it is to the next deadline.
func (d *sessionDeadlines) due(now time.Time) (ids []string, next time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.queue) > 0 {
		e := d.queue[0]
		if wait := e.at.Sub(now); wait > 0 {
			return ids, wait
		}
		heap.Pop(&d.queue)
		e.ending = true
		ids = append(ids, e.id)
	}
	return ids, time.Hour
}

// sessionQueue is a heap of deadlines, the next one first.
type sessionQueue []*sessionDeadline

// Len, Less, Swap, Push and Pop are for container/heap.
func (q sessionQueue) Len() int           { return len(q) }
func (q sessionQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q sessionQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push adds a deadline at the end.
func (q *sessionQueue) Push(v any) {
	e := v.(*sessionDeadline)
	e.place = len(*q)
	*q = append(*q, e)
}

// Pop takes the last one away.
func (q *sessionQueue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return e
}
