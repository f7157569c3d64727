package registry

import (
	"context"
	"time"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
)

// settleWait bounds how long an answer is held back for this server's own
// state.
const settleWait = time.Second

// proposeHere is propose for the agent's endpoints. They read this server's own
// state without asking anybody, and who changed something through them expects
// to see it there at once.
func (r *Registry) proposeHere(ctx context.Context, c store.Command) error {
	if _, err := r.propose(ctx, c); err != nil {
		return err
	}
	r.settle(ctx)
	return nil
}

// settle waits until this server's own state holds what was just written. The
// write is done whether that succeeds or not, hence no error.
func (r *Registry) settle(ctx context.Context) {
	if r.cons.IsLeader() {
		return // what it answers for it has applied
	}
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	_ = r.cons.ReadIndex(ctx, raft.Default)
}
