package config

import (
	"fmt"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// loader merges sources into c.
type loader struct {
	c      *Config
	set    map[string]place // where each key was given last
	warned map[string]bool
}

func newLoader(c *Config) *loader {
	return &loader{c: c, set: map[string]place{}, warned: map[string]bool{}}
}

// warn adds a line to the warnings, once for each id.
func (l *loader) warn(id, format string, args ...any) {
	if l.warned[id] {
		return
	}
	l.warned[id] = true
	l.c.Warnings = append(l.c.Warnings, fmt.Sprintf(format, args...))
}

// given reports whether a source said something about the key.
func (l *loader) given(path string) bool {
	_, ok := l.set[path]
	return ok
}

// apply merges a source. Deprecated spellings go first: a file that has both
// means the new one.
func (l *loader) apply(root value) error {
	for _, deprecated := range []bool{true, false} {
		if err := l.group("", root, deprecated); err != nil {
			return err
		}
	}
	return nil
}

// group merges the fields of an object, either those with deprecated names or
// the others.
func (l *loader) group(path string, v value, deprecated bool) error {
	if v.kind == null {
		return nil
	}
	fields, ok := v.object()
	if !ok {
		return blame(v.at, path, wrongKind("an object in { }", v))
	}
	for _, f := range fields {
		name := strings.ToLower(f.name)
		if path != "" {
			name = path + "." + name
		}
		if err := l.field(name, f.value, deprecated); err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) field(path string, v value, deprecated bool) error {
	if table().groups[path] {
		return l.group(path, v, deprecated)
	}
	a, isAlias := findAlias(path)
	if deprecated != (isAlias && !a.quiet) {
		return nil
	}
	if isAlias {
		return l.alias(a, v)
	}
	if e, ok := table().byPath[path]; ok {
		return l.key(e, v)
	}
	u, ok := unservedAt(path)
	if !ok {
		return v.at.errorf("unknown key %q%s", clip(path), suggestion(path))
	}
	if u.why != "" && !v.asksForNothing() {
		l.warn(u.path, "%s: %s has no effect: %s", v.at, u.path, u.why)
	}
	return nil
}

func (l *loader) key(e entry, v value) error {
	if v.kind == null {
		return nil
	}
	if why := withoutEffect[e.path]; why != "" && !v.asksForNothing() {
		l.warn(e.path, "%s: %s has no effect: %s", v.at, e.path, why)
	}
	l.set[e.path] = v.at
	switch dst := e.of(l.c).(type) {
	case *[]*api.ServiceRegistration:
		return l.definitions().services(dst, v)
	case *[]*api.CheckRegistration:
		return l.definitions().checks(dst, v, false)
	case *[]*api.CheckPolicy:
		return l.policies(dst, v)
	default:
		return blame(v.at, e.path, assign(dst, v))
	}
}

func (l *loader) definitions() definitions {
	return definitions{
		ignored: func(name string, at place) {
			l.warn("service."+name, "%s: %s in a definition has no effect: it belongs to the mesh or to Consul's paid edition", at, name)
		},
		found: func(definition any, at place) {
			if l.c.DefinedAt == nil {
				l.c.DefinedAt = map[any]string{}
			}
			l.c.DefinedAt[definition] = at.String()
		},
	}
}

// alias merges the value of another spelling under the key's own name.
func (l *loader) alias(a alias, v value) error {
	if v.kind == null {
		return nil
	}
	asks := !v.asksForNothing()
	if asks && !a.quiet {
		l.warn(a.old, "%s: %s is an old spelling of %s", v.at, a.old, a.new)
	}
	if err := l.key(table().byPath[a.new], v); err != nil {
		return err
	}
	if also, ok := implied[a.old]; ok && asks && !l.given(also) {
		return l.key(table().byPath[also], value{kind: boolean, text: "true", at: v.at})
	}
	return nil
}

func findAlias(path string) (alias, bool) {
	for _, a := range aliases {
		if a.old == path {
			return a, true
		}
	}
	return alias{}, false
}
