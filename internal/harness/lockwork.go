package harness

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// LockWork does random operations on a few locks, each worker with a session of
// its own for each lock. Safe for concurrent use by different workers.
type LockWork struct {
	read     *api.QueryOptions
	sessions [][]string // by worker and lock; empty: none yet
}

// lockCount is how many locks are contended for.
const lockCount = 2

// holders is the node that the sessions belong to: none of the servers, so that
// no session ends with one of them.
const holders = "holders"

// NewLockWork returns the work for a number of workers, who read with the
// options.
func NewLockWork(ctx context.Context, c *api.Client, workers int, read *api.QueryOptions) (*LockWork, error) {
	w := &LockWork{read: read}
	for range workers {
		w.sessions = append(w.sessions, make([]string, lockCount))
	}
	return w, c.Catalog().Register(ctx, &api.CatalogRegistration{Node: holders, Address: "192.0.2.9"})
}

// Do does and records one operation.
func (w *LockWork) Do(ctx context.Context, h *LockHistory, c *api.Client, worker int, rnd *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	n := rnd.IntN(lockCount)
	lock, session := fmt.Sprintf("lock%d", n), &w.sessions[worker][n]
	if *session == "" {
		id, err := c.Sessions().Create(ctx, &api.SessionRequest{Node: holders, NodeChecks: []string{}, LockDelay: -1})
		if err != nil {
			return err // one that was made all the same is never used
		}
		*session = id
	}
	switch rnd.IntN(12) {
	case 0:
		err := h.Destroy(ctx, worker, c, lock, *session)
		if rnd.IntN(3) > 0 {
			*session = ""
		} // else goes on with a session that has ended
		return err
	case 1, 2:
		return h.Release(ctx, worker, c, lock, *session)
	case 3, 4, 5:
		return h.Guard(ctx, worker, c, lock, *session)
	case 6, 7, 8:
		return h.Look(ctx, worker, c, lock, w.read)
	}
	_, err := h.Acquire(ctx, worker, c, lock, *session)
	return err
}
