package api

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// run keeps the instance registered until stop.
func (r *Registration) run() {
	defer close(r.done)
	every := r.o.Interval
	if r.o.TTL > 0 {
		every = r.o.TTL / 3
	}
	pause := newBackoff(every/50, every/2)
	good := time.Now()
	for next := every; ; {
		timer := time.NewTimer(next)
		select {
		case <-timer.C:
		case <-r.stop:
			timer.Stop()
			return
		}
		// When nothing but errors come back for most of the time that the
		// cluster grants, the instance may be bound to a server that is gone:
		// registering where we are now binds it here.
		err := r.check(time.Since(good) > 2*every)
		r.note(err)
		if err == nil {
			good, next = time.Now(), every
			pause.reset()
			continue
		}
		next = pause.step()
		if r.o.OnError != nil {
			r.o.OnError(err)
		}
	}
}

// note remembers the outcome for Err.
func (r *Registration) note(err error) {
	r.mu.Lock()
	r.err = err
	r.mu.Unlock()
}

// check makes sure that the instance is registered, and says so to the cluster
// if there is a heartbeat. With anew it registers first.
func (r *Registration) check(anew bool) error {
	r.mu.Lock()
	anew = anew || r.sent != r.version // an Update did not get through
	r.mu.Unlock()
	if anew {
		if err := r.register(r.ctx); err != nil {
			return err
		}
	}
	server, err := r.look(r.ctx)
	if errors.Is(err, NotFound) {
		anew = true
		if err = r.register(r.ctx); err != nil {
			return err
		}
		server, err = r.look(r.ctx)
	}
	if err != nil {
		return err
	}
	return r.follow(server, anew)
}

// look sends a heartbeat or, if there is none, asks for the instance. It
// returns the server that answered. The error is of kind NotFound if the
// cluster knows no such instance.
func (r *Registration) look(ctx context.Context) (server string, err error) {
	if r.o.TTL > 0 {
		status, output := r.health(ctx)
		rep, err := r.c.Agent().heartbeat(ctx, heartbeatID(r.ID()), status, output)
		if err != nil {
			return "", err
		}
		return rep.meta.Address, nil
	}
	list, meta, err := r.instances(ctx)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", E(NotFound, "service instance "+r.ID()+" is not registered")
	}
	return meta.Address, nil
}

// follow makes the instance independent of servers that failed. One without an
// address of its own is at that of its server: when the cluster holds that for
// dead, the instance is registered through the server that answers now, and
// what is left on the dead one removed. There is nothing to do as long as the
// server it was registered through answers, unless it was registered anew.
func (r *Registration) follow(server string, anew bool) error {
	r.mu.Lock()
	moved := server != r.server
	r.mu.Unlock()
	if !moved && !anew && !r.sweep {
		return nil
	}
	list, _, err := r.instances(r.ctx)
	if err != nil {
		return err
	}
	var dead []*Entry
	bound := false
	for _, e := range list {
		bound = bound || e.Service.Address == ""
		if nodeFailed(e) {
			dead = append(dead, e)
		}
	}
	switch {
	case !bound || len(list) == 0:
		r.settled(server)
	case len(dead) == len(list):
		r.sweep = true
		return r.register(r.ctx)
	default:
		// A server may be dead for a while before the cluster says so: look
		// again as long as there is more than one.
		r.sweep = len(list)-len(dead) > 1
		for _, e := range dead {
			d := &CatalogDeregistration{Node: e.Node.Node, ServiceID: e.Service.ID}
			if err := r.c.Catalog().Deregister(r.ctx, d); err != nil {
				return err
			}
		}
	}
	return nil
}

// settled takes note that the instance depends on no server.
func (r *Registration) settled(server string) {
	r.sweep = false
	r.mu.Lock()
	r.server = server
	r.mu.Unlock()
}

// instances returns where the cluster has the instance.
func (r *Registration) instances(ctx context.Context) ([]*Entry, QueryMeta, error) {
	r.mu.Lock()
	name, id := r.service.Name, r.service.ID
	r.mu.Unlock()
	return r.c.Health().Service(ctx, name, &QueryOptions{Filter: "Service.ID == " + strconv.Quote(id)})
}

// nodeFailed reports whether the cluster holds the entry's node for dead.
func nodeFailed(e *Entry) bool {
	for _, c := range e.Checks {
		if c.CheckID == SerfHealth && c.Status == Critical {
			return true
		}
	}
	return false
}
