package registry

import (
	"context"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
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
	for _, duty := range []func(context.Context){r.expireSessions, r.reapTombstones, r.dropUploads, r.storeAutopilot, r.makeCA, r.watchDeadlines} {
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
// knows. What they carried and can live on moves to the others first.
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
		if known[v.Node.ID] {
			continue
		}
		r.log.Info("removing a former server from the catalog", "node", v.Node.Node)
		if _, err := r.propose(ctx, &store.Liveness{Node: v.Node.Node, Output: serfFailed}); err != nil {
			return
		}
		if _, err := r.propose(ctx, &store.Deregister{Node: v.Node.Node, By: store.By{Reason: "the server left the cluster"}}); err != nil {
			return
		}
	}
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

// noteLiveness marks one server failed or alive. When that cannot be written
// now, this server has lost its leadership; the next leader reports anew.
func (r *Registry) noteLiveness(ctx context.Context, e raft.Liveness) {
	v := r.State().NodeByID(e.ID)
	if v == nil || v.Alive() == e.Alive {
		return
	}
	cmd := &store.Liveness{Node: v.Node.Node, Alive: e.Alive, Output: serfAlive}
	if !e.Alive {
		cmd.Output = serfFailed
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := r.propose(ctx, cmd); err != nil {
		r.log.Warn("cannot note a server's liveness", "node", v.Node.Node, "alive", e.Alive, "error", err)
		return
	}
	r.log.Info("server liveness changed", "node", v.Node.Node, "alive", e.Alive)
}
