package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// ConfigEntry is a config entry of any kind. Kinds that have a type of their
// own, such as CheckPolicy, have the same JSON.
type ConfigEntry struct {
	Kind string
	Name string
	// Fields are all others, in the spelling they were given. One that comes
	// from a server has Hash among them, a number that tells contents apart.
	Fields map[string]json.RawMessage

	CreateIndex uint64
	ModifyIndex uint64
}

// MarshalJSON writes one object: kind and name, the other fields by name, and
// the indexes if the entry has any.
func (e ConfigEntry) MarshalJSON() ([]byte, error) {
	others := map[string]json.RawMessage{}
	for name, v := range e.Fields {
		if e.own(name) == nil { // else it would be there twice
			others[name] = v
		}
	}
	var parts [][]byte
	for _, part := range []any{
		struct{ Kind, Name string }{e.Kind, e.Name},
		others,
		struct {
			CreateIndex, ModifyIndex uint64 `json:",omitempty"`
		}{e.CreateIndex, e.ModifyIndex},
	} {
		b, err := encode(part)
		if err != nil {
			return nil, err
		}
		if b = b[1 : len(b)-1]; len(b) > 0 { // without its braces
			parts = append(parts, b)
		}
	}
	return append(append([]byte{'{'}, bytes.Join(parts, []byte{','})...), '}'), nil
}

// UnmarshalJSON reads an object. Kind, name and indexes may be written in any
// spelling, as the server takes them.
func (e *ConfigEntry) UnmarshalJSON(b []byte) error {
	*e = ConfigEntry{}
	if err := json.Unmarshal(b, &e.Fields); err != nil {
		return err
	}
	for name, v := range e.Fields {
		dst := e.own(name)
		if dst == nil {
			continue
		}
		if err := json.Unmarshal(v, dst); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		delete(e.Fields, name)
	}
	return nil
}

// own returns what holds the field of that name, nil if Fields does.
func (e *ConfigEntry) own(name string) any {
	switch strings.ToLower(strings.ReplaceAll(name, "_", "")) {
	case "kind":
		return &e.Kind
	case "name":
		return &e.Name
	case "createindex":
		return &e.CreateIndex
	case "modifyindex":
		return &e.ModifyIndex
	}
	return nil
}
