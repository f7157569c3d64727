package balance

import (
	"math"
	"time"
)

// peersNeeded is how many instances must have had enough requests before their
// success rates say anything about one of them.
const peersNeeded = 5

// margin is how far below the mean a rate must lie at least: with equal rates
// the standard deviation is next to nothing.
const margin = 0.05

// rated is an instance with its success rate since the last comparison.
type rated struct {
	e    *endpoint
	rate float64
}

// judge compares success rates, once an interval, and ejects those that fail
// more than the others. The caller holds mu and rebuilds afterwards.
func (b *Balancer) judge(now time.Time) {
	x := b.o.ejection
	if now.Sub(b.judged) < x.Interval {
		return
	}
	b.judged = now
	list := b.rates()
	if x.Deviations < 0 || len(list) < peersNeeded {
		return
	}
	mean, deviation := spread(list)
	least := mean - max(x.Deviations*deviation, margin)
	for _, r := range list {
		if r.rate >= least {
			continue
		}
		length, ok := b.ejectLocked(r.e, now)
		if h := b.o.hook.Ejected; ok && h != nil {
			h(Instance{r.e}, BelowPeers, length)
		}
	}
}

// rates returns the instances that had enough requests in the interval, and
// begins the next one.
func (b *Balancer) rates() []rated {
	var list []rated
	for _, e := range b.listed {
		good, bad := e.good.Load(), e.bad.Load()
		g, f := good-e.judged[0], bad-e.judged[1]
		e.judged = [2]uint64{good, bad}
		if !e.ejected && g+f >= uint64(max(b.o.ejection.MinRequests, 1)) {
			list = append(list, rated{e, float64(g) / float64(g+f)})
		}
	}
	return list
}

// spread returns the mean of the rates and their standard deviation.
func spread(list []rated) (mean, deviation float64) {
	for _, r := range list {
		mean += r.rate
	}
	mean /= float64(len(list))
	for _, r := range list {
		deviation += (r.rate - mean) * (r.rate - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(list)))
}
