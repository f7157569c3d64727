package balance

import "time"

// Hook is told what a Balancer does, for metrics and logs. Functions left nil
// are not called. They are called from the goroutine in which the thing
// happens, many at a time, must return soon and must not call the Balancer.
type Hook struct {
	// Picked is called for each instance handed out.
	Picked func(Instance)
	// Reported is called for each outcome.
	Reported func(Instance, error)
	// Ejected is called when an instance is taken out, with the time it will
	// be out if nothing happens before.
	Ejected func(Instance, Reason, time.Duration)
	// Updated is called when the registry listed other instances, or other
	// states of them, with their number.
	Updated func(instances int)
}
