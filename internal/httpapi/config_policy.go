package httpapi

import (
	"encoding/json"
	"fmt"

	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// decodeCheckPolicy reads a check policy: its fields in any spelling, the
// unknown refused. What is stored is complete.
func decodeCheckPolicy(raw map[string]json.RawMessage) (*store.ConfigEntry, error) {
	p := &api.CheckPolicy{}
	var damping, guard map[string]json.RawMessage
	var hash json.Number
	err := fill("", raw, map[string]any{"kind": &p.Kind, "name": &p.Name, "meta": &p.Meta, "damping": &damping, "guard": &guard,
		"hash": &hash, "createindex": &p.CreateIndex, "modifyindex": &p.ModifyIndex})
	if err == nil && damping != nil {
		p.Damping = &api.CheckDamping{}
		err = fill("Damping.", damping, map[string]any{"changes": &p.Damping.Changes, "window": &p.Damping.Window, "hold": &p.Damping.Hold, "maxhold": &p.Damping.MaxHold})
	}
	if err == nil && guard != nil {
		p.Guard = &api.CheckGuard{}
		err = fill("Guard.", guard, map[string]any{"share": &p.Guard.Share, "hold": &p.Guard.Hold})
	}
	if err == nil {
		err = p.Complete()
	}
	if err != nil {
		return nil, err
	}
	return registry.PolicyEntry(p)
}

// fill puts the fields of an object where dsts says, by their plain names.
func fill(path string, raw map[string]json.RawMessage, dsts map[string]any) error {
	for k, v := range raw {
		dst, ok := dsts[plainName(k)]
		if !ok {
			return api.E(api.Invalid, fmt.Sprintf("Request decoding failed: invalid config key %q", path+k))
		}
		if err := json.Unmarshal(v, dst); err != nil {
			return api.E(api.Invalid, "Request decoding failed: "+unreadable(err, dst, path+k))
		}
	}
	return nil
}
