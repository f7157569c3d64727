package api

// CheckVerdict is what the servers remember of a check beside its status. Most
// checks have none. Times are nanoseconds since 1970 by the leader's clock, 0
// means never. It is never changed: what changes is a new one.
type CheckVerdict struct {
	// CriticalSince is when the check was first reported critical in a row, kept
	// where something depends on it. A registration's initial status is no
	// report.
	CriticalSince int64
	// DeregisterAt is when the check's service is deregistered if it stays
	// critical until then.
	DeregisterAt int64
	// Votes is what each server that runs the check sees, in order of name, if
	// several do.
	Votes []CheckVote

	// Observed and Output are what was last seen, while the check is held or
	// guarded and so shows something else; else empty.
	Observed, Output string
	// HeldUntil is when a check that is held critical for flapping is released.
	HeldUntil int64
	// GuardedUntil is when a check that was seen critical in a mass failure is
	// shown as such.
	GuardedUntil int64
	// Flips are the changes to and from critical that still count for damping,
	// in order.
	Flips []int64
	// Holds is how many times in a row the check was held.
	Holds int
}

// CheckVote is the status of a check as one server sees it.
type CheckVote struct{ Server, Status string }
