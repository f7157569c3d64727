package config

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// assign puts v into the field that dst points to: scalars are replaced, lists
// appended, maps merged. A null changes nothing. Errors say what the field
// needs; the caller adds which it is and where the value stands.
func assign(dst any, v value) error {
	if v.kind == null {
		return nil
	}
	switch dst := dst.(type) {
	case *string:
		if v.kind != text {
			return wrongKind("text in quotes", v)
		}
		*dst = v.text
	case *bool:
		if v.kind != boolean {
			return wrongKind("true or false", v)
		}
		*dst = v.text == "true"
	case *int:
		n, err := whole(v, math.MinInt64, math.MaxInt64)
		*dst = set(*dst, int(n), err)
		return err
	case *uint32:
		n, err := whole(v, 0, math.MaxUint32)
		*dst = set(*dst, uint32(n), err)
		return err
	case *uint64:
		n, err := whole(v, 0, math.MaxInt64)
		*dst = set(*dst, uint64(n), err)
		return err
	case *float64:
		n, err := strconv.ParseFloat(v.text, 64)
		if v.kind != number || err != nil {
			return wrongKind("a number", v)
		}
		*dst = n
	case *time.Duration:
		d, err := duration(v)
		*dst = set(*dst, d, err)
		return err
	case *api.Duration:
		d, err := duration(v)
		*dst = set(*dst, api.Duration(d), err)
		return err
	case *[]string:
		return assignTexts(dst, v)
	case *map[string]string:
		return assignMap(dst, v)
	case *map[string]time.Duration:
		return assignMap(dst, v)
	case *map[string][]string:
		return assignMap(dst, v)
	case *map[string]api.ServiceAddress:
		return assignMap(dst, v)
	case *api.ServiceAddress:
		return assignFields(v, addressFields(dst))
	case **api.Weights:
		*dst = &api.Weights{Passing: 1, Warning: 1}
		return assignFields(v, weightFields(*dst))
	case **api.CheckDamping:
		*dst = &api.CheckDamping{}
		return assignFields(v, dampingFields(*dst))
	case **api.CheckGuard:
		*dst = &api.CheckGuard{}
		return assignFields(v, guardFields(*dst))
	default:
		return fmt.Errorf("has a field of type %T, which no value fits", dst)
	}
	return nil
}

// set returns next, or the old value if there was an error.
func set[T any](old, next T, err error) T {
	if err != nil {
		return old
	}
	return next
}

func wrongKind(want string, v value) error {
	if v.kind == text || v.kind == number || v.kind == boolean {
		return fmt.Errorf("needs %s, not %s %q", want, v.kind, clip(v.text))
	}
	return fmt.Errorf("needs %s, not %s", want, v.kind)
}

// clip shortens text for a message.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}

func whole(v value, least, most int64) (int64, error) {
	if v.kind != number {
		return 0, wrongKind("a whole number", v)
	}
	n, err := strconv.ParseInt(v.text, 0, 64)
	if err != nil {
		// 1e3 and 5.0 are whole numbers too.
		f, ferr := strconv.ParseFloat(v.text, 64)
		if ferr != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return 0, wrongKind("a whole number", v)
		}
		n = int64(f)
	}
	if n < least || n > most {
		return 0, fmt.Errorf("is %d, outside %d to %d", n, least, most)
	}
	return n, nil
}

// duration reads text with a unit. A bare number is refused, except 0: it
// would mean nanoseconds, which nobody who leaves the unit out has in mind.
func duration(v value) (time.Duration, error) {
	switch v.kind {
	case text:
		if v.text == "" {
			return 0, nil
		}
		d, err := time.ParseDuration(v.text)
		if err != nil {
			return 0, fmt.Errorf("needs a duration such as \"10s\" or \"1h30m\", not %q", clip(v.text))
		}
		return d, nil
	case number:
		if v.text == "0" {
			return 0, nil
		}
		return 0, fmt.Errorf("needs a unit: write \"%ss\" for seconds", clip(v.text))
	}
	return 0, wrongKind("a duration such as \"10s\"", v)
}

func assignTexts(dst *[]string, v value) error {
	for _, item := range v.list() {
		if item.kind != text {
			return wrongKind("a list of texts", item)
		}
		*dst = append(*dst, item.text)
	}
	return nil
}

// assignMap merges an object into a map whose values assign knows.
func assignMap[T any](dst *map[string]T, v value) error {
	return assignObject(v, func(f field) error {
		var item T
		if err := assign(&item, f.value); err != nil {
			return blame(f.value.at, strconv.Quote(f.name), err)
		}
		if *dst == nil {
			*dst = map[string]T{}
		}
		(*dst)[f.name] = item
		return nil
	})
}

func assignObject(v value, each func(field) error) error {
	fields, ok := v.object()
	if !ok {
		return wrongKind("an object in { }", v)
	}
	for _, f := range fields {
		if err := each(f); err != nil {
			return err
		}
	}
	return nil
}
