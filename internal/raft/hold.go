package raft

import (
	"context"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// hold repeats an attempt for as long as it fails before anything changed, for
// lack of a leader that can be reached: at once when another leader is known,
// else after a pause that grows from two milliseconds to a tenth of a second.
// After the hold timeout the error is api.NoLeader.
type hold struct {
	node    *Node
	expires time.Time
	pause   time.Duration
	changed context.Context
}

func (n *Node) hold() hold {
	return hold{node: n, expires: time.Now().Add(n.cfg.HoldTimeout), changed: n.leaders.Changed()}
}

// again returns nil when the attempt that failed with err may be repeated, else
// the error to give up with.
func (h *hold) again(ctx context.Context, err error) error {
	if !refusedBefore(err) {
		return err
	}
	left := time.Until(h.expires)
	if left <= 0 {
		return &api.Error{Kind: api.NoLeader, Msg: "No cluster leader", Err: err}
	}
	h.pause = min(max(2*h.pause, 2*time.Millisecond), 100*time.Millisecond, left)
	timer := time.NewTimer(h.pause)
	defer timer.Stop()
	select {
	case <-h.changed.Done():
		h.pause = 0
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	case <-h.node.ctx.Done():
		return errClosed
	}
	h.changed = h.node.leaders.Changed()
	return nil
}
