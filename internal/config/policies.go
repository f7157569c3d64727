package config

import (
	"fmt"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// policies adds the check policies in v, an object or a list of them. Config
// entries of other kinds belong to the mesh.
func (l *loader) policies(dst *[]*api.CheckPolicy, v value) error {
	for _, item := range v.list() {
		fields, ok := item.object()
		if !ok {
			return blame(item.at, "config_entries.bootstrap", wrongKind("an object in { }", item))
		}
		if kind := textOf(fields, "kind"); kind != api.CheckPolicyKind {
			l.warn("config_entries "+kind, "%s: config_entries.bootstrap with kind %q has no effect: only %s is served", item.at, clip(kind), api.CheckPolicyKind)
			continue
		}
		p := &api.CheckPolicy{}
		err := assignFields(item, map[string]any{"kind": &p.Kind, "name": &p.Name, "meta": &p.Meta, "damping": &p.Damping, "guard": &p.Guard})
		if err == nil {
			if err = p.Complete(); err != nil {
				err = fmt.Errorf("is invalid: %s", strings.TrimPrefix(err.Error(), "Invalid check policy: "))
			}
		}
		if err != nil {
			return blame(item.at, label("check policy", p.Name), err)
		}
		*dst = append(*dst, p)
	}
	return nil
}

// textOf returns the text of a field, empty if there is none.
func textOf(fields []field, name string) string {
	for _, f := range fields {
		if plain(f.name) == name && f.value.kind == text {
			return f.value.text
		}
	}
	return ""
}

func dampingFields(d *api.CheckDamping) map[string]any {
	return map[string]any{"changes": &d.Changes, "window": &d.Window, "hold": &d.Hold, "maxhold": &d.MaxHold}
}

func guardFields(g *api.CheckGuard) map[string]any {
	return map[string]any{"share": &g.Share, "hold": &g.Hold}
}
