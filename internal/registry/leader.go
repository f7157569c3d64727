package registry

import (
	"context"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// reconcileEvery is how often the leader compares the catalog's servers with
// raft's configuration, so that one that left is gone from the catalog at once.
// It compares a handful of names in memory.
const reconcileEvery = time.Second

// lead does what only the leader does, once per term, until ctx ends.
func (r *Registry) lead(ctx context.Context, terms <-chan raft.Term) {
	for {
		select {
		case t, ok := <-terms:
			if !ok {
				return
			}
			r.term(ctx, t)
		case <-ctx.Done():
			return
		}
	}
}

// term runs the duties of one term and returns when it, or parent, is over.
func (r *Registry) term(parent context.Context, t raft.Term) {
	ctx, cancel := context.WithCancel(t.Context)
	defer cancel()
	defer context.AfterFunc(parent, cancel)()
	r.log.Info("leading the cluster", "term", t.Number)
	defer r.log.Info("no longer leading the cluster", "term", t.Number)
	var duties sync.WaitGroup
	defer duties.Wait()
	defer cancel()
	for _, duty := range []func(context.Context){r.expireSessions, r.reapTombstones, r.dropUploads, r.storeAutopilot, r.storePolicies, r.makeCA, r.watchDeadlines} {
		duties.Go(func() { duty(ctx) })
	}
	tick := time.NewTicker(reconcileEvery)
	defer tick.Stop()
	for {
		r.storeHistory(ctx)
		r.dropFormerServers(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// dropFormerServers takes servers out of the catalog that raft no longer
// knows, and forgets those that left long ago or came back. One that was alive
// when raft let it go has left, and its node goes with all it has. One that had
// failed may come back, as long as it is remembered: what was registered through
// it and cannot live elsewhere waits for it.
func (r *Registry) dropFormerServers(ctx context.Context) {
	servers, _, err := r.cons.Servers(ctx)
	if err != nil {
		return
	}
	known := map[string]bool{}
	for _, s := range servers {
		known[s.ID] = true
	}
	for _, v := range r.State().ServerNodes() {
		if known[v.Node.ID] || v.Check(api.SerfHealth) == nil {
			continue // a node without that check was never a server of ours
		}
		r.log.Info("removing a former server from the catalog", "node", v.Node.Node)
		cmd := &store.ServerLeft{Node: v.Node.Node, Keep: !v.Alive(), By: store.By{Reason: "the server left the cluster"}}
		if cmd.Keep {
			cmd.By.Reason = "the server failed and was removed from the cluster"
		}
		if r.dropServer(ctx, cmd) != nil {
			return
		}
	}
	if back, expired := r.forgettable(servers, time.Now()); len(back)+len(expired) > 0 {
		// If it fails it is tried again in a moment.
		_, _ = r.propose(ctx, &store.ServerLeft{Forget: back, Expire: expired})
	}
}

// dropServer takes a former server out of the catalog. What it carried and can
// live on moves to the others first.
func (r *Registry) dropServer(ctx context.Context, cmd *store.ServerLeft) error {
	if _, err := r.propose(ctx, &store.Liveness{Node: cmd.Node, Output: serfFailed}); err != nil {
		return err
	}
	_, err := r.propose(ctx, cmd)
	return err
}

// followLiveness writes what raft reports of the servers into the catalog.
func (r *Registry) followLiveness(ctx context.Context, events <-chan raft.Liveness) {
	for {
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			r.noteLiveness(ctx, e)
		case <-ctx.Done():
			return
		}
	}
}

// noteLiveness marks one server failed or alive, in the term that the news is of.
// It tries until that is written, so that news is written in its order, or until
// the term is over: the next leader reports anew.
func (r *Registry) noteLiveness(ctx context.Context, e raft.Liveness) {
	term, cancel := context.WithCancel(e.Context)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	for term.Err() == nil {
		v := r.State().NodeByID(e.ID)
		if v == nil || v.Alive() == e.Alive {
			return
		}
		err := r.markServer(term, v.Node.Node, e.Alive)
		if err == nil {
			r.log.Info("server liveness changed", "node", v.Node.Node, "alive", e.Alive)
			return
		}
		r.log.Warn("cannot note a server's liveness", "node", v.Node.Node, "alive", e.Alive, "error", err)
		select {
		case <-time.After(livenessRetry):
		case <-term.Done():
		}
	}
}

// livenessRetry is the pause after news of a server could not be written.
const livenessRetry = 200 * time.Millisecond

func (r *Registry) markServer(ctx context.Context, name string, alive bool) error {
	cmd := &store.Liveness{Node: name, Alive: alive, Output: serfAlive}
	if !alive {
		cmd.Output = serfFailed
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	_, err := r.propose(ctx, cmd)
	return err
}
