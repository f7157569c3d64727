package config

import (
	"bytes"
	"fmt"
)

// maxDepth bounds how deep values may be nested, so that no input exhausts the
// stack of a recursive parser.
const maxDepth = 500

// parse reads one file or fragment in the given format, "hcl" or "json". An
// empty one is an empty object: a file may be filled later, before a reload.
func parse(name, format string, data []byte) (value, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) == 0 {
		return value{kind: object, at: place{name, 1}}, nil
	}
	switch {
	case format == "json", format == "hcl" && trimmed[0] == '{':
		return parseJSON(name, data)
	case format == "hcl":
		return parseHCL(name, data)
	}
	return value{}, fmt.Errorf("config format %q is unknown: use hcl or json", format)
}
