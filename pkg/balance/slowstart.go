package balance

import "time"

// coldest is the share of an instance that has just come: enough for it to get
// requests, and to get warm, at all.
const coldest = 0.1

// steps is in how many steps an instance warms up. Each makes a new plan.
const steps = 20

// warmth is the share of its full weight that an instance gets, from coldest
// to 1. The caller holds the owner's mu.
func (e *endpoint) warmth(now time.Time, window time.Duration) float64 {
	if window == 0 || e.since.IsZero() {
		return 1
	}
	age := float64(now.Sub(e.since)) / float64(window)
	if age >= 1 {
		return 1
	}
	return max(coldest, age)
}

// nextStep is when the instance's warmth changes next, zero if it is warm. The
// caller holds the owner's mu.
func (e *endpoint) nextStep(now time.Time, window time.Duration) time.Time {
	if window == 0 || e.since.IsZero() {
		return time.Time{}
	}
	step := max(window/steps, 1)
	if now.Sub(e.since) >= window+step {
		return time.Time{}
	}
	return now.Add(step)
}
