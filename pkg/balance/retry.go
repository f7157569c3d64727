package balance

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// serial makes one attempt after the other, until one is good or no other is
// allowed.
func (x *exchange) serial() (*http.Response, error) {
	in, done, err := x.next(true)
	if err != nil {
		return nil, err
	}
	for n := 1; ; n++ {
		r := x.send(x.ctx, in, done, false, n)
		if r.good() || !x.another(r, n) {
			return r.out()
		}
		if in, done, err = x.next(true); err != nil {
			return r.out()
		}
		r.drop()
	}
}

// another decides whether a request that failed in attempt n is sent again.
func (x *exchange) another(r result, n int) bool {
	switch {
	case n >= x.t.c.Attempts, x.ctx.Err() != nil, errors.Is(r.err, errBody):
		return false
	case !x.repeatable && !Unconnected(r.err):
		return false
	}
	return x.body.again() && x.t.budget.take()
}

// next picks an instance that was not tried yet. If there is none it takes any,
// after a pause, provided that the request may go to the same one again.
func (x *exchange) next(same bool) (Instance, Done, error) {
	var skip func(Instance) bool
	if len(x.tried) > 0 {
		skip = func(i Instance) bool { return slices.Contains(x.tried, i) }
	}
	in, done, err := x.b.PickExcept(x.ctx, skip)
	if err != nil && skip != nil && same && pause(x.ctx, len(x.tried)) {
		in, done, err = x.b.Pick(x.ctx)
	}
	if err == nil {
		x.tried = append(x.tried, in)
	}
	return in, done, err
}

// pause waits before the nth attempt at instances that have just failed: 10 ms,
// then twice as long each time, shortened by up to half at random. It reports
// false if ctx ends first.
func pause(ctx context.Context, n int) bool {
	d := 10 * time.Millisecond << min(n-1, 6)
	t := time.NewTimer(d/2 + rand.N(d/2))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
