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
	if anew {
		if err := r.register(r.ctx); err != nil {
			return err
		}
	}
	server, err := r.look(r.ctx)
	if errors.Is(err, NotFound) {
		if err = r.register(r.ctx); err != nil {
			return err
		}
		server, err = r.look(r.ctx)
	}
	if err != nil {
		return err
	}
	return r.follow(server)
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

// follow moves the instance to the server that answers now, if it is bound to
// the one it was registered through: one without an address of its own is at
// that of its server.
func (r *Registration) follow(server string) error {
	r.mu.Lock()
	moved, name := server != r.server, r.service.Name
	r.mu.Unlock()
	if !moved {
		return nil
	}
	list, _, err := r.instances(r.ctx)
	if err != nil {
		return err
	}
	bound := name != "" && len(list) > 0
	for _, e := range list {
		bound = bound && e.Service.Address == "" && nodeFailed(e)
	}
	if !bound {
		// Its node is well, or it does not depend on it.
		r.mu.Lock()
		r.server = server
		r.mu.Unlock()
		return nil
	}
	if err := r.register(r.ctx); err != nil {
		return err
	}
	return r.dropTwins()
}

// dropTwins removes what is left of the instance on nodes that failed, once it
// is on one that did not.
func (r *Registration) dropTwins() error {
	list, _, err := r.instances(r.ctx)
	if err != nil {
		return err
	}
	alive := 0
	for _, e := range list {
		if !nodeFailed(e) {
			alive++
		}
	}
	if alive == 0 {
		return nil
	}
	for _, e := range list {
		if !nodeFailed(e) {
			continue
		}
		err := r.c.Catalog().Deregister(r.ctx, &CatalogDeregistration{Node: e.Node.Node, ServiceID: e.Service.ID})
		if err != nil {
			return err
		}
	}
	return nil
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
