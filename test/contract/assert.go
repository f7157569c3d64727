package contract

import (
	"encoding/json"
	"fmt"
	"strings"
)

// capture stores the values a step names into v.
func (a *answer) capture(st *Step, v vars) []string {
	var problems []string
	for name, what := range st.Capture {
		val, err := a.selectValue(what, v)
		if err != nil {
			problems = append(problems, fmt.Sprintf("capture of %s: %v", name, err))
			continue
		}
		v[name] = val
	}
	return problems
}

// selectValue reads "status", "elapsed_ms", "size", "body", "header:NAME",
// "count:/pointer" (elements), "len:/pointer" (bytes of a string) or
// "/pointer" from an answer.
func (a *answer) selectValue(what string, v vars) (any, error) {
	what, err := v.expand(what)
	if err != nil {
		return nil, err
	}
	switch {
	case what == "status":
		return json.Number(fmt.Sprint(a.status)), nil
	case what == "elapsed_ms":
		return json.Number(fmt.Sprint(a.elapsed.Milliseconds())), nil
	case what == "size":
		return json.Number(fmt.Sprint(len(a.raw))), nil
	case what == "body":
		return string(a.raw), nil
	case strings.HasPrefix(what, "header:"):
		val := a.header.Get(strings.TrimPrefix(what, "header:"))
		if val == "" {
			return nil, fmt.Errorf("no header %s", strings.TrimPrefix(what, "header:"))
		}
		return val, nil
	case strings.HasPrefix(what, "len:"):
		x, err := lookup(a.json, strings.TrimPrefix(what, "len:"))
		if err != nil {
			return nil, err
		}
		return json.Number(fmt.Sprint(len(fmt.Sprint(x)))), nil
	case strings.HasPrefix(what, "count:"):
		x, err := lookup(a.json, strings.TrimPrefix(what, "count:"))
		if err != nil {
			return nil, err
		}
		switch c := x.(type) {
		case []any:
			return json.Number(fmt.Sprint(len(c))), nil
		case map[string]any:
			return json.Number(fmt.Sprint(len(c))), nil
		}
		return nil, fmt.Errorf("%s has no elements to count", what)
	}
	return lookup(a.json, what)
}

// assert checks the assertions of a step.
func (a *answer) assert(st *Step, v vars) []string {
	var problems []string
	for _, as := range st.Assert {
		if p := a.assertOne(as, v); p != "" {
			problems = append(problems, p)
		}
	}
	for _, name := range st.NoHeaders {
		if got := a.header.Get(name); got != "" {
			problems = append(problems, fmt.Sprintf("header %s: want none, got %q", name, got))
		}
	}
	return problems
}

func (a *answer) assertOne(as Assertion, v vars) string {
	left, err := a.selectValue(fmt.Sprint(as[0]), v)
	if err != nil {
		return fmt.Sprintf("%v: %v", as[0], err)
	}
	right := as[2]
	if s, ok := right.(string); ok {
		if strings.HasPrefix(s, "@") {
			if right, err = a.selectValue(s[1:], v); err != nil {
				return fmt.Sprintf("%v: %v", s, err)
			}
		} else if right, err = v.expand(s); err != nil {
			return err.Error()
		}
	}
	l, r := fmt.Sprint(left), fmt.Sprint(right)
	op := fmt.Sprint(as[1])
	var ok bool
	switch op {
	case "==":
		ok = l == r
	case "!=":
		ok = l != r
	case "contains":
		ok = strings.Contains(l, r)
	default:
		var cmp int
		if cmp, err = compareNumbers(l, r); err != nil {
			return err.Error()
		}
		switch op {
		case "<":
			ok = cmp < 0
		case "<=":
			ok = cmp <= 0
		case ">":
			ok = cmp > 0
		case ">=":
			ok = cmp >= 0
		default:
			return fmt.Sprintf("unknown operator %q", op)
		}
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("%v is %s, want %s %s", as[0], short(l), op, short(r))
}
