package balance

// LeastRequests takes the instance with the fewest outstanding requests in
// proportion to its registered weight, and among equals the one whose turn it
// is by weight. It suits requests of very different cost. It only knows the
// requests of its own Balancer; where many clients share a service, RandomTwo
// avoids that they all run to the same instance.
func LeastRequests() Policy {
	return Policy{name: "least-requests", open: func() picker { return newSchedule(shareOf, true) }}
}
