package config

import (
	"cmp"
	"slices"

	"github.com/registryd/registryd/pkg/api"
)

// settleTwice leaves one of several definitions that have an ID in common: the
// later, as in Consul. Nobody means to write two, so the log says where both are.
func (l *loader) settleTwice() {
	l.c.Services = once(l, l.c.Services, "service", func(s *api.ServiceRegistration) string { return cmp.Or(s.ID, s.Name) })
	l.c.Checks = once(l, l.c.Checks, "check", func(c *api.CheckRegistration) string { return cmp.Or(c.ID, c.Name) })
	// A check of an ID belongs to one service, or to none. These are not left
	// out here: their services stay, and what is registered last has the check.
	var checks []*api.CheckRegistration
	for _, s := range l.c.Services {
		for _, c := range checksOf(s) {
			if c.CheckID != "" {
				checks = append(checks, c)
			}
		}
	}
	once(l, append(checks, l.c.Checks...), "check", func(c *api.CheckRegistration) string { return cmp.Or(c.CheckID, c.ID, c.Name) })
}

// once returns the definitions without those whose ID comes again later, and
// warns of them.
func once[T any](l *loader, all []*T, noun string, id func(*T) string) []*T {
	last := map[string]*T{}
	for _, d := range all {
		if first := last[id(d)]; first != nil {
			from, to := l.c.DefinedAt[first], l.c.DefinedAt[d]
			l.warn(noun+" "+id(d)+from+to, "%s is defined at %s and again at %s: the later one counts; give each an id of its own", label(noun, id(d)), from, to)
		}
		last[id(d)] = d
	}
	return slices.DeleteFunc(all, func(d *T) bool { return last[id(d)] != d })
}

func checksOf(s *api.ServiceRegistration) []*api.CheckRegistration {
	if s.Check == nil {
		return s.Checks
	}
	return append([]*api.CheckRegistration{s.Check}, s.Checks...)
}
