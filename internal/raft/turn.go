package raft

import (
	"context"
	"sync/atomic"

	"github.com/registryd/registryd/pkg/api"
)

// turn lets one change of membership happen at a time: from the look at the
// configuration that the change follows from until the library has carried it
// out. Who asked for it may be gone by then.
type turn struct {
	taken  chan struct{} // holds a value while somebody has the turn
	held   atomic.Int32  // how many gives are missing until it is free
	closed <-chan struct{}
}

func newTurn(closed <-chan struct{}) *turn {
	return &turn{taken: make(chan struct{}, 1), closed: closed}
}

// Take waits for the turn. Who gets it calls Give.
func (t *turn) Take(ctx context.Context) error {
	select {
	case t.taken <- struct{}{}:
		t.held.Store(1)
		return nil
	case <-ctx.Done():
		return api.Wrap(api.Timeout, "another change of membership is under way", ctx.Err())
	case <-t.closed:
		return errClosed
	}
}

// Keep makes the turn last until Give was called once more. Only for who has it.
func (t *turn) Keep() { t.held.Add(1) }

// Give is called once for Take and for each Keep, by any goroutine.
func (t *turn) Give() {
	if t.held.Add(-1) == 0 {
		<-t.taken
	}
}
