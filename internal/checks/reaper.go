package checks

import "time"

// runReaper asks every ReapInterval for the services to be deregistered whose
// check has been critical for too long.
func (r *Runner) runReaper() {
	tick := time.NewTicker(ReapInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-r.ctx.Done():
			return
		}
		for service, check := range r.overdue() {
			if r.ctx.Err() != nil {
				return
			}
			r.cfg.Logger.Info("deregistering service with a check that stayed critical",
				"node", service.node, "service", service.id, "check", check.CheckID)
			r.cfg.Deregister(check, service.id)
		}
	}
}

// instance names a service instance.
type instance struct{ node, id string }

// overdue returns the service instances that have to go, each with a check that
// says so.
func (r *Runner) overdue() map[instance]ID {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	found := make(map[instance]ID)
	for t := range r.critical {
		if now > t.criticalSince.after(t.deregisterAfter()) {
			found[instance{t.id.Node, t.serviceID}] = t.id
		}
	}
	return found
}
