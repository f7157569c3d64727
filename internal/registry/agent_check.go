package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// RegisterCheck registers a check of this server's node or, with ServiceID, of
// a service instance, as /v1/agent/check/register does.
func (r *Registry) RegisterCheck(ctx context.Context, reg *api.CheckRegistration) error {
	id := CheckID(reg)
	if reg.Name == "" {
		return api.E(api.Invalid, "Missing check name")
	}
	c, err := r.checkOf(reg, id, reg.Name, isLocal(ctx))
	if err != nil {
		return err
	}
	// A check of its own shows its times; one that came with a service does not.
	c.Interval, c.Timeout = reg.Interval.String(), reg.Timeout.String()
	node := r.cfg.Name
	if reg.ServiceID != "" {
		n, inst, err := findNow(ctx, r, r.FindService, reg.ServiceID)
		if err != nil {
			return err
		}
		if inst == nil {
			return api.E(api.NotFound, fmt.Sprintf("ServiceID %q does not exist", reg.ServiceID))
		}
		c.ServiceID, node = reg.ServiceID, n.Node.Node
	} else if _, err := r.home(ctx); err != nil {
		return err
	}
	err = r.proposeHere(ctx, &store.Register{Node: node, SkipNodeUpdate: true, Checks: []*api.Check{c}, KeepStatus: true})
	if err == nil {
		r.rearm(node, c)
	}
	return err
}

// rearm gives a TTL check that was registered again its full time.
func (r *Registry) rearm(node string, c *api.Check) {
	if c.Probe != nil && c.Probe.TTL > 0 {
		r.run.Rearm(checks.ID{Node: node, CheckID: c.CheckID})
	}
}

// CheckID returns the ID that a check registered on its own gets.
func CheckID(reg *api.CheckRegistration) string {
	return cmp.Or(reg.ID, reg.CheckID, reg.Name)
}

// checkOf validates a check registration and makes the stored form of it; local
// says that it is from this server's own configuration files.
func (r *Registry) checkOf(reg *api.CheckRegistration, id, name string, local bool) (*api.Check, error) {
	def := reg.CheckDefinition
	if err := checks.Validate(&def, r.cfg.Scripts || local && r.cfg.LocalScripts); err != nil {
		return nil, err
	}
	switch reg.Status {
	case "", api.Passing, api.Warning, api.Critical:
	default:
		return nil, api.E(api.Invalid, "Invalid check: status must be passing, warning or critical, not "+reg.Status)
	}
	c := &api.Check{CheckID: id, Name: name, Status: reg.Status, Notes: reg.Notes, Type: checks.TypeOf(&def), Probe: &def, ServiceTags: []string{}}
	if c.Status == "" {
		c.Status = api.Critical
	}
	if def.Interval > 0 {
		c.Interval, c.Timeout = def.Interval.String(), def.Timeout.String()
	}
	return c, nil
}

// DeregisterCheck removes the check with the ID from whichever server's node
// has it; NotFound if none has.
func (r *Registry) DeregisterCheck(ctx context.Context, id string) error {
	n, _, err := findNow(ctx, r, r.FindCheck, id)
	if err != nil {
		return err
	}
	if n == nil {
		return unknownCheck(id)
	}
	return r.proposeHere(ctx, &store.Deregister{Node: n.Node.Node, CheckID: id, MustExist: true})
}

// heartbeatKind is the internal request that carries a heartbeat to the server
// that runs the check.
const heartbeatKind = "heartbeat"

type heartbeat struct{ Node, CheckID, Status, Output string }

// Heartbeat reports the status of a TTL check. It reaches the server that runs
// the check, whichever server was asked, and costs no log entry there unless
// the status changes. When it returns, a changed status is in the catalog.
//
// The check is looked for on the servers' nodes, then among those that the
// catalog was told of with a TTL; node names its node, empty leaves it open.
func (r *Registry) Heartbeat(ctx context.Context, node, id, status, output string) error {
	n, c, err := r.findHeartbeat(ctx, node, id)
	if err != nil {
		return err
	}
	if c == nil {
		return unknownCheck(id)
	}
	ref := checks.ID{Node: n.Node.Node, CheckID: id}
	if err := r.passOn(ctx, n, c, status, output); err != nil {
		return err
	}
	if !r.shows(ref, status) {
		r.settle(ctx)
	}
	return nil
}

// passOn gives a heartbeat to the server that runs the check, on node n.
func (r *Registry) passOn(ctx context.Context, n *store.NodeView, c *api.Check, status, output string) error {
	st := r.State()
	ref := checks.ID{Node: n.Node.Node, CheckID: c.CheckID}
	owner := st.Owner(n, c)
	if owner == "" || owner == r.cfg.Name {
		return r.heartbeat(ctx, ref, status, output)
	}
	v, _ := st.Node(owner)
	if v == nil {
		return api.E(api.NoLeader, "server "+owner+" that runs the check is not known")
	}
	req, err := json.Marshal(heartbeat{ref.Node, ref.CheckID, status, output})
	if err != nil {
		return fmt.Errorf("encode heartbeat: %w", err)
	}
	_, err = r.cons.Call(ctx, v.Node.ID, heartbeatKind, req)
	return err
}

// handleHeartbeat serves heartbeats that other servers pass on.
func (r *Registry) handleHeartbeat(ctx context.Context, req []byte) ([]byte, error) {
	var h heartbeat
	if err := json.Unmarshal(req, &h); err != nil {
		return nil, api.Wrap(api.Invalid, "read a forwarded heartbeat", err)
	}
	return nil, r.heartbeat(ctx, checks.ID{Node: h.Node, CheckID: h.CheckID}, h.Status, h.Output)
}

func (r *Registry) heartbeat(ctx context.Context, ref checks.ID, status, output string) error {
	err := r.run.Heartbeat(ref, status, output)
	if k := api.ErrorKind(err); err != nil && (k == api.NotFound || k == api.Refused) {
		// Registered a moment ago, perhaps in place of another kind of check:
		// the runner has not been told yet.
		r.assign.sync()
		err = r.run.Heartbeat(ref, status, output)
	}
	if err != nil || r.shows(ref, status) {
		return err
	}
	// A client that set a status must find it in the catalog.
	if err := r.run.Wait(ctx, ref); err != nil || r.shows(ref, status) {
		return err
	}
	// The runner saw nothing new in it: it still has the check as it was before
	// it was removed and registered again.
	r.assign.sync()
	return r.run.Wait(ctx, ref)
}

// shows reports whether the catalog has seen the check with the status, or has
// it no more.
func (r *Registry) shows(ref checks.ID, status string) bool {
	v, _ := r.State().Node(ref.Node)
	if v == nil {
		return true
	}
	c := v.Check(ref.CheckID)
	if c == nil {
		return true
	}
	seen, _ := store.Seen(c)
	return seen == status
}

// Emit stores what the runner found, as one command. It tries until it worked
// or was refused, or the registry closes; the runner gathers meanwhile.
func (r *Registry) Emit(ts []checks.Transition) {
	cmd := &store.UpdateChecks{From: r.cfg.Name, Floor: r.cfg.DeregisterMin}
	for _, t := range ts {
		cmd.Updates = append(cmd.Updates, store.CheckUpdate{Node: t.ID.Node, CheckID: t.ID.CheckID, Status: t.Status, Output: t.Output})
	}
	for r.ctx.Err() == nil {
		res, err := r.propose(r.ctx, cmd)
		if err == nil {
			r.dropped(cmd.DroppedUpdates(res))
		}
		if err == nil || api.ErrorKind(err) == api.Refused {
			return
		}
		r.log.Warn("cannot store check results, trying again", "checks", len(ts), "error", err)
		select {
		case <-time.After(retryDelay):
		case <-r.ctx.Done():
		}
	}
}

// dropped tells the runner again of checks whose results were not taken: this
// server was held for dead when they arrived. The runner believes them stored,
// and where it has the checks again by now it would never send them anew.
func (r *Registry) dropped(updates []store.CheckUpdate) {
	if len(updates) == 0 {
		return
	}
	// What the command found must have arrived here, or the checks look like
	// this server's own still.
	r.settle(r.ctx)
	var ids []checks.ID
	for _, u := range updates {
		ids = append(ids, checks.ID{Node: u.Node, CheckID: u.CheckID})
	}
	r.assign.again(ids)
}

// LatestOutput returns status and output of a check as the runner of this
// server last saw them, else as the catalog has them: that is where it says
// what several servers have seen, or why it shows something else.
func (r *Registry) LatestOutput(c *api.Check) (status, output string) {
	if c.Probe != nil && (c.Verdict == nil || len(c.Verdict.Votes) == 0 && c.Verdict.Observed == "") {
		if _, o, ok := r.run.Snapshot(checks.ID{Node: c.Node, CheckID: c.CheckID}); ok {
			return c.Status, o
		}
	}
	return c.Status, c.Output
}

// retryDelay is how long the registry waits before it tries a proposal of its
// own again that failed.
const retryDelay = 200 * time.Millisecond
