package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// heartbeatKind is the internal request that carries a heartbeat to the server
// that runs the check.
const heartbeatKind = "heartbeat"

// heartbeat is that request. Fields are added, never renamed.
type heartbeat struct {
	Node, CheckID, Status, Output, Client string
	// Fresh has the server first see to it that it knows the check as it is now.
	Fresh bool `json:",omitempty"`
}

// recipient is what a heartbeat is for, as one state has it: the check, and the
// server that runs it.
type recipient struct {
	ref   checks.ID
	owner *store.NodeView // of the server; nil: this one
	check *api.Check
}

// same reports whether both are the same check, run by the same server.
func (p *recipient) same(o *recipient) bool {
	return p.ref == o.ref && (p.owner == nil) == (o.owner == nil) && (p.owner == nil || p.owner.Node.ID == o.owner.Node.ID)
}

// Heartbeat reports the status of a TTL check. It reaches the server that runs
// the check, whichever server was asked, and costs no log entry there unless
// the status changes. When it returns, a changed status is in the catalog.
//
// The check is looked for on the servers' nodes, then among those that the
// catalog was told of with a TTL; node names its node, empty leaves it open.
func (r *Registry) Heartbeat(ctx context.Context, node, id, status, output string) error {
	b := heartbeat{CheckID: id, Status: status, Output: output, Client: clientOf(ctx)}
	to, err := r.recipient(r.State(), node, id)
	if err == nil && to != nil {
		err = r.passOn(ctx, to, b)
		if err == nil && r.shows(to.ref, status) {
			return nil
		}
	}
	return r.insist(ctx, node, b, to, err)
}

// leastInsistence is the least time in which a heartbeat is tried again: a server
// that fails is noticed within two seconds, and then another takes over.
const leastInsistence = 3 * time.Second

// insist sees a heartbeat through that was passed on in vain to what an old state
// had (nil: it was not, for no state at hand knew the check), with the outcome err.
// Each look is at a fresh state. If the check is somewhere else by now, the
// heartbeat goes there. If not, the same server is asked once more, and has to
// take a fresh look itself; its answer counts then. If it does not answer, the
// heartbeat waits until it does or another server runs the check.
func (r *Registry) insist(ctx context.Context, node string, b heartbeat, last *recipient, err error) error {
	patience, cancel := context.WithTimeout(ctx, max(r.cfg.HoldTimeout, leastInsistence))
	defer cancel()
	for {
		if last != nil && err != nil && !passing(err) && !goneThere(err) {
			return err
		}
		st, lost := r.Read(ctx, raft.Default)
		if lost != nil {
			return lost
		}
		to, wrong := r.recipient(st, node, b.CheckID)
		switch {
		case wrong != nil:
			return wrong
		case to == nil:
			return unknownCheck(b.CheckID)
		case last == nil || !last.same(to):
		case err == nil && (b.Fresh || seen(to.check) == b.Status):
			// Another status than the one that was told is another client's: it
			// was told later.
			return nil
		case err == nil:
		case passing(err) || b.Fresh && to.awaited(err):
			if to.owner == nil && passing(err) {
				return err // this very server is about to go
			}
			if !r.pause(patience, to) {
				return api.Wrap(api.Unavailable, "the server that runs the check does not answer", err)
			}
		case b.Fresh:
			return err
		}
		b.Fresh = last != nil
		last, err = to, r.passOnWhileAlive(patience, to, b)
		if err != nil && patience.Err() != nil && ctx.Err() == nil {
			return api.Wrap(api.Unavailable, "the server that runs the check does not answer", err)
		}
	}
}

// passing reports whether a heartbeat failed with err for a reason that goes by:
// the server could not be reached, or lost its leader.
func passing(err error) bool {
	switch api.ErrorKind(err) {
	case api.Unavailable, api.OutcomeUnknown, api.NoLeader, api.NotLeader, api.Timeout:
		return true
	}
	return false
}

// awaited reports whether a check that is not found where it should be run, though
// that was looked for in a fresh state, will be found: its server is just leaving,
// or taking over.
func (p *recipient) awaited(err error) bool {
	def := p.check.Probe
	if def == nil {
		def = p.check.Definition
	}
	return api.ErrorKind(err) == api.NotFound && def != nil && def.TTL > 0
}

// pause waits for a moment, or until the server that runs the check has failed. It
// reports whether there is time left.
func (r *Registry) pause(ctx context.Context, to *recipient) bool {
	moment, cancel := context.WithTimeout(ctx, retryDelay)
	defer cancel()
	if to.owner == nil {
		<-moment.Done()
	} else {
		r.awaitFailure(moment, to.owner.Node.Node)
	}
	return ctx.Err() == nil
}

// recipient returns what a heartbeat with the check ID is for, nil if the state
// has no such check. After the servers' nodes it looks at the others, where a
// check that was registered in the catalog with a TTL waits for heartbeats too;
// that there are several of the ID, and no node is named, is an error.
func (r *Registry) recipient(st *store.State, node, id string) (*recipient, error) {
	n, c, err := r.findHeartbeat(st, node, id)
	if c == nil || err != nil {
		return nil, err
	}
	to := &recipient{ref: checks.ID{Node: n.Node.Node, CheckID: c.CheckID}, check: c}
	if owner := st.Owner(n, c); owner != "" && owner != r.cfg.Name {
		to.owner, _ = st.Node(owner)
	}
	return to, nil
}

func (r *Registry) findHeartbeat(st *store.State, node, id string) (n *store.NodeView, c *api.Check, err error) {
	if node != "" {
		if n, _ = st.Node(node); n != nil {
			c = n.Check(id)
		}
		return n, c, nil
	}
	if n, c = r.FindCheck(st, id); c != nil {
		return n, c, nil
	}
	st.ProbedNodes(func(v *store.NodeView) bool {
		k := v.Check(id)
		switch {
		case k == nil || k.Definition == nil || k.Definition.TTL <= 0:
		case c != nil:
			err = api.E(api.Invalid, fmt.Sprintf("Check ID %q is on nodes %s and %s: say which one is meant with ?node=", id, n.Node.Node, v.Node.Node))
		default:
			n, c = v, k
		}
		return err == nil
	})
	return n, c, err
}

// passOn gives a heartbeat to the server that runs the check.
func (r *Registry) passOn(ctx context.Context, to *recipient, b heartbeat) error {
	b.Node, b.CheckID = to.ref.Node, to.ref.CheckID
	if to.owner == nil {
		return r.heartbeat(ctx, b)
	}
	req, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode heartbeat: %w", err)
	}
	_, err = r.cons.Call(ctx, to.owner.Node.ID, heartbeatKind, req)
	return err
}

// passOnWhileAlive is passOn that gives up when the server has failed: one that
// merely stands still refuses nothing.
func (r *Registry) passOnWhileAlive(ctx context.Context, to *recipient, b heartbeat) error {
	if to.owner == nil {
		return r.passOn(ctx, to, b)
	}
	call, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		r.awaitFailure(call, to.owner.Node.Node)
		cancel()
	})
	err := r.passOn(call, to, b)
	failed := call.Err() != nil && ctx.Err() == nil
	cancel()
	watch.Wait()
	if err != nil && failed {
		return api.Wrap(api.Unavailable, "server "+to.owner.Node.Node+" failed", err)
	}
	return err
}

// awaitFailure returns when the catalog has a server as failed, or no more, or
// when ctx ends.
func (r *Registry) awaitFailure(ctx context.Context, server string) {
	for {
		v, _ := r.State().Node(server)
		if v == nil || !v.Alive() {
			return
		}
		select {
		case <-v.Health.C():
		case <-ctx.Done():
			return
		}
	}
}

// handleHeartbeat serves heartbeats that other servers pass on.
func (r *Registry) handleHeartbeat(ctx context.Context, req []byte) ([]byte, error) {
	var b heartbeat
	if err := json.Unmarshal(req, &b); err != nil {
		return nil, api.Wrap(api.Invalid, "read a forwarded heartbeat", err)
	}
	return nil, r.heartbeat(ctx, b)
}

// heartbeat gives a heartbeat to this server's runner. That it was taken does not
// say that it counts: the check may have gone elsewhere, which this server does
// not know yet. Who asked looks for that.
func (r *Registry) heartbeat(ctx context.Context, b heartbeat) error {
	if b.Fresh {
		if _, err := r.Read(ctx, raft.Default); err != nil {
			return err
		}
		r.assign.sync()
	}
	ref := checks.ID{Node: b.Node, CheckID: b.CheckID}
	err := r.run.Heartbeat(ref, b.Status, b.Output, b.Client)
	if err != nil && goneThere(err) && !b.Fresh {
		// Registered a moment ago, perhaps in place of another kind of check:
		// the runner has not been told yet.
		r.assign.sync()
		err = r.run.Heartbeat(ref, b.Status, b.Output, b.Client)
	}
	if err != nil || r.shows(ref, b.Status) {
		return err
	}
	// A client that set a status must find it in the catalog.
	if err := r.run.Wait(ctx, ref); err != nil || r.shows(ref, b.Status) {
		return err
	}
	// The runner saw nothing new in it: it still has the check as it was before
	// it was removed and registered again.
	r.assign.sync()
	return r.run.Wait(ctx, ref)
}

// shows reports whether the state at hand has the check with the status.
func (r *Registry) shows(ref checks.ID, status string) bool {
	v, _ := r.State().Node(ref.Node)
	if v == nil {
		return false
	}
	c := v.Check(ref.CheckID)
	return c != nil && seen(c) == status
}

// seen is what was last seen of a check.
func seen(c *api.Check) string {
	status, _ := store.Seen(c)
	return status
}
