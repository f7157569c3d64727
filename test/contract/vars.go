package contract

import (
	"encoding/json"
	"fmt"
	"strings"
)

// vars holds the facts of the server under test and what steps captured.
type vars map[string]any

func (v vars) clone() vars {
	out := make(vars, len(v))
	for k, val := range v {
		out[k] = val
	}
	return out
}

// expand replaces ${name} by the value of the variable. $${ stands for a
// literal ${.
func (v vars) expand(s string) (string, error) {
	if !strings.Contains(s, "${") {
		return s, nil
	}
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1])
			b.WriteString("${")
			s = s[i+2:]
			continue
		}
		end := strings.IndexByte(s[i:], '}')
		if end < 0 {
			return "", fmt.Errorf("unclosed ${ in %q", s)
		}
		name := s[i+2 : i+end]
		val, ok := v[strings.TrimPrefix(name, "#")]
		if !ok {
			return "", fmt.Errorf("nothing supplied ${%s}", name)
		}
		b.WriteString(s[:i])
		fmt.Fprint(&b, val)
		s = s[i+end+1:]
	}
}

// expandJSON expands every string (and object key) of a JSON value. A string
// that is just ${#name} becomes a number.
func (v vars) expandJSON(x any) (any, error) {
	switch x := x.(type) {
	case string:
		s, err := v.expand(x)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(x, "${#") && strings.HasSuffix(x, "}") {
			return json.Number(s), nil
		}
		return s, nil
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			var err error
			if out[i], err = v.expandJSON(e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			key, err := v.expand(k)
			if err != nil {
				return nil, err
			}
			if out[key], err = v.expandJSON(e); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return x, nil
}

// splitPointer returns the steps of a JSON pointer (RFC 6901); none for an empty
// one, which is the whole value.
func splitPointer(p string) []string {
	if p == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(p, "/"), "/")
	for i, s := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(s, "~1", "/"), "~0", "~")
	}
	return parts
}

func joinPointer(base, key string) string {
	return base + "/" + strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

// lookup finds the value at a JSON pointer.
func lookup(x any, pointer string) (any, error) {
	for _, part := range splitPointer(pointer) {
		switch c := x.(type) {
		case map[string]any:
			next, ok := c[part]
			if !ok {
				return nil, fmt.Errorf("no %s in the answer", pointer)
			}
			x = next
		case []any:
			i := -1
			if _, err := fmt.Sscanf(part, "%d", &i); err != nil || i < 0 || i >= len(c) {
				return nil, fmt.Errorf("no %s in the answer", pointer)
			}
			x = c[i]
		default:
			return nil, fmt.Errorf("no %s in the answer", pointer)
		}
	}
	return x, nil
}

// patterns is a list of pointers in which * stands for any one key or index.
type patterns [][]string

func (v vars) patterns(list []string) (patterns, error) {
	var out patterns
	for _, p := range list {
		p, err := v.expand(p)
		if err != nil {
			return nil, err
		}
		out = append(out, splitPointer(p))
	}
	return out, nil
}

func (ps patterns) match(pointer string) bool {
	path := splitPointer(pointer)
next:
	for _, p := range ps {
		if len(p) != len(path) {
			continue
		}
		for i := range p {
			if p[i] != "*" && p[i] != path[i] {
				continue next
			}
		}
		return true
	}
	return false
}
