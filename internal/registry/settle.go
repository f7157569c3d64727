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
	_, err := r.resultHere(ctx, c)
	return err
}

// resultHere is proposeHere that returns what the command answers.
func (r *Registry) resultHere(ctx context.Context, c store.Command) (store.Result, error) {
	res, index, err := r.proposeAt(ctx, c)
	if err != nil {
		return res, err
	}
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	// The write is done whether its entry arrives here in time or not.
	_ = r.cons.WaitApplied(ctx, index)
	return res, nil
}

// settle waits until this server's own state holds what was written before,
// through whatever server. It is done whether that succeeds or not, hence no
// error.
func (r *Registry) settle(ctx context.Context) {
	if r.cons.IsLeader() {
		return // what it answers for it has applied
	}
	ctx, cancel := context.WithTimeout(ctx, settleWait)
	defer cancel()
	_ = r.cons.ReadIndex(ctx, raft.Default)
}
