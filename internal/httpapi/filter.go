package httpapi

import (
	"strings"

	"github.com/hashicorp/go-bexpr"

	"github.com/registryd/registryd/pkg/api"
)

// filterMax bounds the length of a filter expression in bytes, filterMatches
// the comparisons in it, and filterSteps the steps of its parser, about a tenth
// of a second: far above any useful one.
const (
	filterMax     = 16 << 10
	filterMatches = 256
	filterSteps   = 1 << 20
)

// filter is a compiled ?filter= expression; nil lets everything pass.
type filter struct{ eval *bexpr.Evaluator }

// filterFor compiles the request's expression against the type of sample, so
// that an unknown selector is an error even when there is nothing to look at.
// With a nil sample an unknown selector is found out only when an item is there.
func filterFor(q *request, sample any) (*filter, error) {
	expr := q.get("filter")
	if expr == "" {
		return nil, nil
	}
	if len(expr) > filterMax {
		return nil, api.E(api.Refused, "Failed to create boolean expression evaluator: the filter is too long")
	}
	if err := parsesSoon(expr); err != nil {
		return nil, api.Wrap(api.Refused, "Failed to create boolean expression evaluator", err)
	}
	conf := &bexpr.EvaluatorConfig{MaxMatches: filterMatches, Registry: bexpr.NilRegistry}
	var eval *bexpr.Evaluator
	var err error
	if sample == nil {
		eval, err = bexpr.CreateEvaluator(expr, conf)
	} else {
		eval, err = bexpr.CreateEvaluatorForType(expr, conf, sample)
	}
	if err != nil {
		return nil, api.Wrap(api.Refused, "Failed to create boolean expression evaluator", err)
	}
	return &filter{eval}, nil
}

// parsesSoon refuses what would keep the parser busy for too long. It tries each
// alternative of its grammar from the start, so that every level of parentheses
// costs four times the one outside it: twenty of them would take hours, and
// nothing can stop it half-way.
func parsesSoon(expr string) error {
	if len(expr) <= 512 && strings.Count(expr, "(") <= 1 {
		return nil // as nearly all are; not worth parsing twice
	}
	_, err := bexpr.Parse("", []byte(expr), bexpr.MaxExpressions(filterSteps))
	return err
}

func (f *filter) match(v any) (bool, error) {
	if f == nil {
		return true, nil
	}
	ok, err := f.eval.Evaluate(v)
	if err != nil {
		return false, api.Wrap(api.Refused, "Failed to filter results", err)
	}
	return ok, nil
}

// keep returns the items whose value matches.
func keep[T any](f *filter, items []T, value func(T) any) ([]T, error) {
	if f == nil {
		return items, nil
	}
	var out []T
	for _, i := range items {
		ok, err := f.match(value(i))
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, i)
		}
	}
	return out, nil
}

// hasTags reports whether the tags include all wanted ones, in any case.
func hasTags(tags, want []string) bool {
next:
	for _, w := range want {
		for _, t := range tags {
			if strings.EqualFold(t, w) {
				continue next
			}
		}
		return false
	}
	return true
}
