package server

import (
	"context"
	"errors"
	"time"

	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/pkg/api"
)

// localDefinitions keeps the services and checks of the configuration files
// registered: all of them at start and after a reload; those that a reload no
// longer finds are taken away.
type localDefinitions struct {
	s        *Server
	services map[string]bool // IDs registered from files
	checks   map[string]bool
	reloads  chan struct{} // held while definitions are applied
}

// openLocal registers what the configuration files define as soon as the
// cluster takes writes.
func (s *Server) openLocal() error {
	s.local = &localDefinitions{s: s, services: map[string]bool{}, checks: map[string]bool{}, reloads: make(chan struct{}, 1)}
	if len(s.cfg.Services)+len(s.cfg.Checks) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	s.onClose("service definitions", func() error {
		cancel()
		<-done
		return nil
	})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			c := s.Config()
			err := s.local.apply(ctx, c.Services, c.Checks)
			if err == nil || api.ErrorKind(err) == api.Invalid || api.ErrorKind(err) == api.Refused {
				if err != nil {
					s.log.Error("a definition in the configuration files is refused", "error", err)
				}
				return
			}
			select {
			case <-time.After(200 * time.Millisecond):
			case <-ctx.Done():
			}
		}
	}()
	return nil
}

// apply makes the registered definitions those given. It goes on after an
// error and returns all.
func (l *localDefinitions) apply(ctx context.Context, services []*api.ServiceRegistration, checks []*api.CheckRegistration) error {
	l.reloads <- struct{}{}
	defer func() { <-l.reloads }()
	r := l.s.registry
	ctx = registry.Local(ctx)
	var errs []error
	keep, keepChecks := map[string]bool{}, map[string]bool{}
	for _, reg := range services {
		id := reg.ID
		if id == "" {
			id = reg.Name
		}
		keep[id] = true
		if err := r.RegisterService(ctx, reg, true); err != nil {
			errs = append(errs, api.Wrap(api.ErrorKind(err), "service "+id, err))
		}
	}
	for _, reg := range checks {
		id := registry.CheckID(reg)
		keepChecks[id] = true
		if err := r.RegisterCheck(ctx, reg); err != nil {
			errs = append(errs, api.Wrap(api.ErrorKind(err), "check "+id, err))
		}
	}
	for id := range l.checks {
		if keepChecks[id] {
			continue
		}
		if err := r.DeregisterCheck(ctx, id); err != nil && !errors.Is(err, api.NotFound) {
			errs = append(errs, err)
		}
	}
	for id := range l.services {
		if keep[id] {
			continue
		}
		if err := r.DeregisterService(ctx, id); err != nil && !errors.Is(err, api.NotFound) {
			errs = append(errs, err)
		}
	}
	l.services, l.checks = keep, keepChecks
	return errors.Join(errs...)
}
