package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/pkg/api"
)

// localPass brings the catalog to what one reading of the configuration files
// says. Each thing to do is tried by itself until it is done or refused.
type localPass struct {
	registry *registry.Registry
	log      *slog.Logger
	kept     *localKept
	items    []*localItem    // what is left to do, in order
	refused  map[string]bool // services that stay as they were registered
}

// localItem is one thing to do.
type localItem struct {
	what, at string // what it is about and where that is defined, for people
	service  string // the service that it registers
	after    string // a service that must have been tried before it
	do       func(context.Context) error
	// refuse is told that it can never be done; nil means it is tried on.
	refuse func()
}

func newLocalPass(s *Server, kept *localKept) *localPass {
	c := s.Config()
	p := &localPass{registry: s.registry, log: s.log, kept: kept, refused: map[string]bool{}}
	services, checks := map[string]bool{}, map[string]bool{}
	for _, reg := range c.Services {
		services[registry.ServiceID(reg)] = true
		for _, id := range registry.ServiceCheckIDs(reg) {
			checks[id] = true
		}
		p.addService(reg, c.DefinedAt[reg])
	}
	for _, reg := range c.Checks {
		checks[registry.CheckID(reg)] = true
		p.addCheck(reg, c.DefinedAt[reg])
	}
	// Only now, so that what has a new owner is not gone in between.
	p.dropServices(services)
	p.dropChecks(checks)
	kept.save()
	return p
}

func (p *localPass) addService(reg *api.ServiceRegistration, at string) {
	id := registry.ServiceID(reg)
	forget := p.kept.expect(reg)
	p.items = append(p.items, &localItem{
		what: "service " + id, at: at, service: id,
		do: func(ctx context.Context) error {
			// Checks that came over the API, maintenance among them, stay.
			err := p.registry.RegisterService(ctx, reg, false)
			if err == nil {
				p.kept.registered(reg)
			}
			return err
		},
		refuse: func() {
			p.refused[id] = true
			forget()
		},
	})
}

func (p *localPass) addCheck(reg *api.CheckRegistration, at string) {
	id := registry.CheckID(reg)
	forget := p.kept.expectCheck(id, reg.ServiceID)
	p.items = append(p.items, &localItem{
		what: "check " + id, at: at, after: reg.ServiceID,
		do: func(ctx context.Context) error {
			err := p.registry.RegisterCheck(ctx, reg)
			if err == nil {
				p.kept.Checks[id] = reg.ServiceID
			}
			return err
		},
		refuse: forget,
	})
}

// dropServices deregisters the services that are kept and no longer defined.
func (p *localPass) dropServices(defined map[string]bool) {
	for _, id := range slices.Sorted(maps.Keys(p.kept.Services)) {
		if defined[id] {
			continue
		}
		s := p.kept.Services[id]
		p.items = append(p.items, &localItem{what: "service " + id, do: func(ctx context.Context) error {
			err := p.registry.DropService(ctx, id, s.Name, s.Address, s.Port)
			if err == nil {
				delete(p.kept.Services, id)
			}
			return err
		}})
	}
}

// dropChecks does the same for checks. Those of a service whose new definition
// is refused stay with the old one.
func (p *localPass) dropChecks(defined map[string]bool) {
	for _, id := range slices.Sorted(maps.Keys(p.kept.Checks)) {
		if defined[id] {
			continue
		}
		service := p.kept.Checks[id]
		p.items = append(p.items, &localItem{what: "check " + id, after: service, do: func(ctx context.Context) error {
			if p.refused[service] {
				return nil
			}
			err := p.registry.DropCheck(ctx, id, service)
			if err == nil {
				delete(p.kept.Checks, id)
			}
			return err
		}})
	}
}

// round tries once each thing that is left. The error, in one line, names all
// that failed.
func (p *localPass) round(ctx context.Context) error {
	if len(p.items) == 0 {
		return nil
	}
	// A server that was away has its own node as it was then, until it has
	// caught up.
	if _, err := p.registry.Read(ctx, raft.Default); err != nil {
		return err
	}
	var left []*localItem
	var failed []string
	waiting := map[string]bool{} // services that are left
	for _, i := range p.items {
		if waiting[i.after] {
			left = append(left, i)
			continue
		}
		err := i.do(ctx)
		if err == nil {
			continue
		}
		failed = append(failed, fmt.Sprintf("%s: %s", i.what, err))
		if i.refuse == nil || passes(err) {
			left = append(left, i)
			waiting[i.service] = i.service != ""
			continue
		}
		i.refuse()
		p.log.Error("a definition in the configuration files is refused", "definition", i.what, "at", i.at, "error", err)
	}
	p.items = left
	p.kept.save()
	if failed == nil {
		return nil
	}
	return errors.New(strings.Join(failed, "; "))
}

// passes reports whether an error may go by itself: the cluster could not be
// reached, or did not say what became of the request.
func passes(err error) bool {
	for _, k := range []api.Kind{api.NoLeader, api.NotLeader, api.Unavailable, api.Timeout, api.OutcomeUnknown} {
		if errors.Is(err, k) {
			return true
		}
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
