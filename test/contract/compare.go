package contract

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"sort"
	"strings"
)

var (
	uuidRE = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	timeRE = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$`)
)

// comparer holds one answer against one recording.
type comparer struct {
	vars      vars
	unordered patterns
	contains  patterns
	exact     patterns
}

// diff lists every difference, each starting with a JSON pointer.
func (c *comparer) diff(at string, want, got any) []string {
	if s, ok := want.(string); ok {
		return c.diffString(at, s, got)
	}
	if kind(want) != kind(got) {
		return []string{differs(at, want, got)}
	}
	switch w := want.(type) {
	case map[string]any:
		return c.diffObject(at, w, got.(map[string]any))
	case []any:
		return c.diffArray(at, w, got.([]any))
	case json.Number:
		if !sameNumber(w, got.(json.Number)) {
			return []string{differs(at, want, got)}
		}
	case bool:
		if w != got.(bool) {
			return []string{differs(at, want, got)}
		}
	}
	return nil
}

// diffString handles the recorded strings that stand for something else.
func (c *comparer) diffString(at, want string, got any) []string {
	ok := true
	switch {
	case strings.HasPrefix(want, "${any:") && strings.HasSuffix(want, "}"):
		ok = kind(got) == want[len("${any:"):len(want)-1]
	case want == "${index}":
		n, isNum := got.(json.Number)
		ok = isNum && !strings.ContainsAny(n.String(), ".-eE") && n.String() != "0"
	case want == "${uuid}":
		s, isStr := got.(string)
		ok = isStr && uuidRE.MatchString(s)
	case want == "${time}":
		s, isStr := got.(string)
		ok = isStr && timeRE.MatchString(s)
	default:
		full, err := c.vars.expandJSON(want)
		if err != nil {
			return []string{place(at) + ": " + err.Error()}
		}
		if n, isNum := full.(json.Number); isNum {
			g, gotNum := got.(json.Number)
			ok = gotNum && sameNumber(n, g)
		} else {
			s, isStr := got.(string)
			ok = isStr && s == full.(string)
		}
		if !ok {
			return []string{differs(at, full, got)}
		}
	}
	if !ok {
		return []string{differs(at, want, got)}
	}
	return nil
}

func (c *comparer) diffObject(at string, want, got map[string]any) []string {
	var out []string
	known := map[string]bool{}
	for _, k := range sortedKeys(want) {
		full, err := c.vars.expand(k)
		if err != nil {
			out = append(out, place(at)+": "+err.Error())
			continue
		}
		known[full] = true
		p := joinPointer(at, full)
		g, ok := got[full]
		if !ok {
			out = append(out, fmt.Sprintf("%s: want %s, got nothing", place(p), short(want[k])))
			continue
		}
		out = append(out, c.diff(p, want[k], g)...)
	}
	if c.exact.match(at) {
		for _, k := range sortedKeys(got) {
			if !known[k] {
				out = append(out, fmt.Sprintf("%s: want nothing, got %s", place(joinPointer(at, k)), short(got[k])))
			}
		}
	}
	return out
}

func (c *comparer) diffArray(at string, want, got []any) []string {
	subset := c.contains.match(at)
	if !subset && len(want) != len(got) {
		return []string{fmt.Sprintf("%s: want %d elements, got %d: %s", place(at), len(want), len(got), short(got))}
	}
	if !subset && !c.unordered.match(at) {
		var out []string
		for i := range want {
			out = append(out, c.diff(joinPointer(at, fmt.Sprint(i)), want[i], got[i])...)
		}
		return out
	}
	used := make([]bool, len(got))
	if c.pair(at, want, got, used, 0) {
		return nil
	}
	// Name the wanted elements that nothing in the answer fits.
	var out []string
	for i := range want {
		fits := false
		for j := range got {
			if len(c.diff(joinPointer(at, fmt.Sprint(j)), want[i], got[j])) == 0 {
				fits = true
				break
			}
		}
		if !fits {
			out = append(out, fmt.Sprintf("%s: no element fits %s, got %s", place(at), short(want[i]), short(got)))
		}
	}
	if out == nil {
		out = []string{fmt.Sprintf("%s: the elements cannot be paired, got %s", place(at), short(got))}
	}
	return out
}

// pair matches every wanted element from i on with an element of its own.
func (c *comparer) pair(at string, want, got []any, used []bool, i int) bool {
	if i == len(want) {
		return true
	}
	for j := range got {
		if used[j] || len(c.diff(joinPointer(at, fmt.Sprint(j)), want[i], got[j])) > 0 {
			continue
		}
		used[j] = true
		if c.pair(at, want, got, used, i+1) {
			return true
		}
		used[j] = false
	}
	return false
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func kind(x any) string {
	switch x.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case json.Number, float64, int:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}

func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	x, ok1 := new(big.Rat).SetString(a.String())
	y, ok2 := new(big.Rat).SetString(b.String())
	return ok1 && ok2 && x.Cmp(y) == 0
}

func place(at string) string {
	if at == "" {
		return "body"
	}
	return at
}

func differs(at string, want, got any) string {
	return fmt.Sprintf("%s: want %s, got %s", place(at), short(want), short(got))
}

// short shows a value on one line, cut to a readable length.
func short(x any) string {
	raw, err := encode(x)
	if err != nil {
		return fmt.Sprint(x)
	}
	const most = 200
	if len(raw) > most {
		return string(raw[:most]) + "..."
	}
	return string(raw)
}
