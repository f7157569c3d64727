package config

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/registryd/registryd/pkg/api"
)

// ParseEntry reads a config entry from a file whose keys are those of the
// entry. The text is JSON if it begins with a brace and HCL otherwise, whatever
// the file is called. Kind and name must be there; all else the server judges.
func ParseEntry(name string, data []byte) (*api.ConfigEntry, error) {
	root, err := parse(name, "hcl", data)
	if err != nil {
		return nil, err
	}
	first := map[string]field{}
	for _, f := range root.fields {
		// The server takes both for the same field, and chance which it obeys.
		if other, ok := first[plain(f.name)]; ok && other.name != f.name {
			return nil, f.value.at.errorf("%q is the same as %q at %s: keep one", clip(f.name), clip(other.name), other.value.at)
		}
		first[plain(f.name)] = f
		if n := plain(f.name); n == "kind" || n == "name" {
			if err := assign(new(string), f.value); err != nil {
				return nil, blame(f.value.at, f.name, err)
			}
		}
	}
	entry, err := root.untyped()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(entry)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	e := &api.ConfigEntry{}
	if err := json.Unmarshal(text, e); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	switch {
	case e.Kind == "":
		return nil, fmt.Errorf("%s is no config entry: it needs Kind = \"…\" and Name = \"…\"", name)
	case e.Name == "":
		return nil, fmt.Errorf("%s: config entry of kind %q needs a name: add Name = \"…\"", name, clip(e.Kind))
	}
	return e, nil
}

// untyped is the value as encoding/json knows it, for what has no table of keys.
// Blocks that HCL repeats are a list; it cannot say that a single one is.
func (v value) untyped() (any, error) {
	switch v.kind {
	case boolean:
		return v.text == "true", nil
	case number:
		return v.jsonNumber()
	case text:
		return v.text, nil
	case list:
		items := []any{}
		for _, item := range v.items {
			u, err := item.untyped()
			if err != nil {
				return nil, err
			}
			items = append(items, u)
		}
		return items, nil
	case object:
		return v.untypedObject()
	}
	return nil, nil
}

func (v value) untypedObject() (any, error) {
	first := map[string]value{}
	blocks := map[string][]any{}
	out := map[string]any{}
	for _, f := range v.fields {
		u, err := f.value.untyped()
		if err != nil {
			return nil, err
		}
		before, again := first[f.name]
		switch {
		case !again:
			first[f.name], out[f.name] = f.value, u
		case before.kind != object || f.value.kind != object:
			return nil, f.value.at.errorf("%q is given twice, first at %s: keep one", clip(f.name), before.at)
		default:
			if blocks[f.name] == nil {
				blocks[f.name] = []any{out[f.name]}
			}
			blocks[f.name] = append(blocks[f.name], u)
			out[f.name] = blocks[f.name]
		}
	}
	return out, nil
}

// jsonNumber is a number as it was written, if JSON has such. HCL has others:
// 0x1f, 010 for 8.
func (v value) jsonNumber() (json.Number, error) {
	if json.Valid([]byte(v.text)) {
		return json.Number(v.text), nil
	}
	if n, err := strconv.ParseInt(v.text, 0, 64); err == nil {
		return json.Number(strconv.FormatInt(n, 10)), nil
	}
	n, err := strconv.ParseFloat(v.text, 64)
	if err != nil {
		return "", v.at.errorf("%q is no number", clip(v.text))
	}
	return json.Number(strconv.FormatFloat(n, 'g', -1, 64)), nil
}
