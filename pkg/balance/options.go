package balance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// Option changes how a Balancer works.
type Option func(*options)

// options is what the Options amount to.
type options struct {
	policy      Policy
	query       api.QueryOptions
	zone        Zone
	ejection    Ejection
	panicShare  float64
	slowStart   time.Duration
	subset      Subset
	passingOnly bool
	hook        Hook
}

// WithPolicy sets the policy; the default is RoundRobin.
func WithPolicy(p Policy) Option { return func(o *options) { o.policy = p } }

// WithQuery refines what is watched: datacenter, tags, filter, node metadata,
// consistency, token. Its Passing, Index, Wait, Hash and Near are ignored.
func WithQuery(q api.QueryOptions) Option {
	return func(o *options) {
		q.Passing, q.Index, q.Wait, q.Hash, q.Near = false, 0, 0, "", ""
		o.query = q
	}
}

// WithZone prefers the instances of a zone.
func WithZone(z Zone) Option { return func(o *options) { o.zone = z } }

// WithEjection changes when failing instances are taken out.
func WithEjection(e Ejection) Option { return func(o *options) { o.ejection = e } }

// WithPanicThreshold sets the share of the instances (0 to 1) that must be
// usable; when fewer are, all but those in maintenance are used, since the few
// would only be crushed and the checks may be at fault. 0 turns it off; the
// default is 0.25.
func WithPanicThreshold(share float64) Option { return func(o *options) { o.panicShare = share } }

// WithSlowStart gives an instance that is new, or is back, a share that grows
// to its full one over the time d; 0, the default, gives it at once. Instances
// of the first answer are taken as warm.
func WithSlowStart(d time.Duration) Option { return func(o *options) { o.slowStart = d } }

// WithSubset uses only some of the instances.
func WithSubset(s Subset) Option { return func(o *options) { o.subset = s } }

// WithPassingOnly leaves out instances with a warning. By default they are
// used, with the weight that they registered for that state.
func WithPassingOnly() Option { return func(o *options) { o.passingOnly = true } }

// WithHook reports what happens.
func WithHook(h Hook) Option { return func(o *options) { o.hook = h } }

// resolve applies the options over the defaults and checks them.
func resolve(service string, opts []Option) (options, error) {
	o := options{policy: RoundRobin(), panicShare: 0.25}
	for _, opt := range opts {
		opt(&o)
	}
	o.ejection = o.ejection.withDefaults()
	switch {
	case service == "":
		return o, api.E(api.Invalid, "service name is empty")
	case o.policy.open == nil:
		return o, api.E(api.Invalid, "policy is the zero Policy")
	case o.panicShare < 0 || o.panicShare > 1:
		return o, api.E(api.Invalid, fmt.Sprintf("panic threshold %v is not between 0 and 1", o.panicShare))
	case o.slowStart < 0:
		return o, api.E(api.Invalid, fmt.Sprintf("slow start %v is negative", o.slowStart))
	}
	if err := o.ejection.check(); err != nil {
		return o, err
	}
	return o, o.subset.check()
}

// feedKey tells apart what must be watched separately.
func feedKey(service string, q api.QueryOptions) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q %d %d %q %q %t %d %d", service, q.Datacenter, q.Token, q.Consistency, q.MaxStale, q.Tags, q.Filter, q.Cached, q.MaxAge, q.StaleIfError)
	for _, k := range sortedKeys(q.NodeMeta) {
		fmt.Fprintf(&b, " %q=%q", k, q.NodeMeta[k])
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
