package store

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// shareService lets an instance use the strings and maps of another instance
// of the same service where they are equal. Instances of one service mostly
// differ in ID and address only; this halves what each costs.
func (d *draft) shareService(s *api.Service) {
	like := d.sibling(s.Service)
	if like == nil {
		return
	}
	if s.Service == like.Service {
		s.Service = like.Service
	}
	if slices.Equal(s.Tags, like.Tags) && (s.Tags == nil) == (like.Tags == nil) {
		s.Tags = like.Tags
	}
	if maps.Equal(s.Meta, like.Meta) && (s.Meta == nil) == (like.Meta == nil) {
		s.Meta = like.Meta
	}
	if s.Weights != nil && like.Weights != nil && *s.Weights == *like.Weights {
		s.Weights = like.Weights
	}
	if s.Locality != nil && sameValue(s.Locality, like.Locality) {
		s.Locality = like.Locality
	}
}

// sibling returns some instance of the service, nil if there is none.
func (d *draft) sibling(name string) *api.Service {
	if v, ok := d.base.services.Get([]byte(ServiceKey(name))); ok && len(v.Instances) > 0 {
		return v.Instances[0].Service
	}
	if sd := d.services[ServiceKey(name)]; sd != nil && sd.first != nil {
		return sd.first
	}
	return nil
}

// shareCheck does the same for the texts that checks have in common.
func (d *draft) shareCheck(c *api.Check) {
	c.Status = sharedStatus(c.Status)
	c.Name = d.intern(c.Name)
	c.Output = d.intern(c.Output)
	c.Type = d.intern(c.Type)
	c.Interval = d.intern(c.Interval)
	c.Timeout = d.intern(c.Timeout)
}

func sharedStatus(s string) string {
	switch s {
	case api.Passing:
		return api.Passing
	case api.Warning:
		return api.Warning
	case api.Critical:
		return api.Critical
	}
	return s
}

// interner remembers short texts that keep coming. It belongs to the goroutine
// that applies commands.
type interner map[string]string

// internLimit bounds the texts remembered; beyond it all are forgotten, which
// costs memory only.
const internLimit = 4096

func (t interner) get(s string) string {
	if len(s) == 0 || len(s) > 64 {
		return s
	}
	if k, ok := t[s]; ok {
		return k
	}
	if len(t) >= internLimit {
		clear(t)
	}
	t[s] = s
	return s
}

func (d *draft) intern(s string) string {
	if d.texts == nil {
		return s
	}
	return d.texts.get(s)
}

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

func quote(s string) string { return strconv.Quote(s) }
