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
// knows, and forgets those that left long ago or came back.
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
		if r.dropServer(ctx, v.Node.Node, false) != nil {
			return
		}
	}
	if old := r.forgettable(servers, time.Now()); len(old) > 0 {
		// If it fails it is tried again in a moment.
		_, _ = r.propose(ctx, &store.ServerLeft{Forget: old})
	}
}

// dropServer takes a former server's node out of the catalog. What it carried
// and can live on moves to the others first. It stays among the members as one
// that left, unless prune is set.
func (r *Registry) dropServer(ctx context.Context, node string, prune bool) error {
	if _, err := r.propose(ctx, &store.Liveness{Node: node, Output: serfFailed}); err != nil {
		return err
	}
	_, err := r.propose(ctx, &store.ServerLeft{Node: node, Prune: prune, By: store.By{Reason: "the server left the cluster"}})
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
