package registry

import (
	"cmp"
	"context"
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
	if reg.ServiceID == "" {
		node, err := r.home(ctx)
		if err != nil {
			return err
		}
		return r.registerCheck(ctx, node, c)
	}
	c.ServiceID = reg.ServiceID
	absent := api.E(api.NotFound, fmt.Sprintf("ServiceID %q does not exist", reg.ServiceID))
	return act(ctx, r, r.State(), r.FindService, reg.ServiceID, absent, func(n *store.NodeView) error {
		return r.registerCheck(ctx, n.Node.Node, c)
	})
}

func (r *Registry) registerCheck(ctx context.Context, node string, c *api.Check) error {
	err := r.proposeHere(ctx, &store.Register{Node: node, SkipNodeUpdate: true, Checks: []*api.Check{c}, KeepStatus: true})
	if err == nil {
		r.rearm(ctx, node, c)
	}
	return err
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
	return act(ctx, r, r.State(), r.FindCheck, id, unknownCheck(id), func(n *store.NodeView) error {
		return r.proposeHere(ctx, &store.Deregister{Node: n.Node.Node, CheckID: id, MustExist: true})
	})
}

// Emit stores what the runner found, as one command. It tries until it worked
// or was refused, or the registry closes; the runner gathers meanwhile.
func (r *Registry) Emit(ts []checks.Transition) {
	cmd := &store.UpdateChecks{From: r.cfg.Name, Floor: r.cfg.DeregisterMin}
	for _, t := range ts {
		cmd.Updates = append(cmd.Updates, store.CheckUpdate{Node: t.ID.Node, CheckID: t.ID.CheckID, Status: t.Status, Output: t.Output, Client: t.Client})
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
