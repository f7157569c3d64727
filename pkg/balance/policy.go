package balance

import (
	"fmt"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// Policy says which of the usable instances gets a request. It is a recipe: one
// value may serve any number of balancers.
type Policy struct {
	name  string
	open  func() picker
	keyed bool // looks at the key of the request
}

// String is the policy's name, as ParsePolicy takes it.
func (p Policy) String() string { return p.name }

// Policies lists all policies with their default settings.
func Policies() []Policy {
	return []Policy{RoundRobin(), Weighted(), RandomTwo(), LeastRequests(), ConsistentHash(0)}
}

// ParsePolicy returns the policy of that name: round-robin, weighted,
// random-two, least-requests or hash. The error is of kind api.Invalid.
func ParsePolicy(name string) (Policy, error) {
	var names []string
	for _, p := range Policies() {
		if p.name == name {
			return p, nil
		}
		names = append(names, p.name)
	}
	return Policy{}, api.E(api.Invalid, fmt.Sprintf("policy %q is none of %s", name, strings.Join(names, ", ")))
}

// picker chooses among candidates. Its methods may be called at any time by
// any goroutine, but update by one at a time.
type picker interface {
	// update replaces the candidates.
	update(list []candidate)
	// pick returns one and counts it as outstanding; nil if there is none that
	// the query does not pass over.
	pick(q query) *endpoint
	// take counts one as outstanding that pick did not choose.
	take(e *endpoint)
	// done is told that a request of pick's or take's is over, after
	// outstanding went down.
	done(e *endpoint)
}

// query is what a request asks of a picker.
type query struct {
	skip func(Instance) bool // nil passes over none
	hash uint64              // of the key, for those who look at it
}

// anyFrom returns the first candidate from place i on that the query does not
// pass over, counted as outstanding, or nil.
func anyFrom(list []*endpoint, i int, q query) *endpoint {
	for k := range list {
		if e := list[(i+k)%len(list)]; !e.skipped(q) {
			e.outstanding.Add(1)
			return e
		}
	}
	return nil
}

// even reports whether all candidates are to get the same share, once f has
// said what that is.
func even(list []candidate, f func(candidate) float64) bool {
	for i := range list {
		if f(list[i]) != f(list[0]) {
			return false
		}
	}
	return true
}

func rampOf(c candidate) float64  { return c.ramp }
func shareOf(c candidate) float64 { return c.weight * c.ramp }
