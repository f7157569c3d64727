package api

// CheckVerdict is what the servers remember of a check beside its status. Most
// checks have none. Times are nanoseconds since 1970 by the leader's clock, 0
// means never. It is never changed: what changes is a new one.
type CheckVerdict struct {
	// CriticalSince is when the check was first reported critical in a row. A
	// registration's initial status is no report.
	CriticalSince int64
	// DeregisterAt is when the check's service is deregistered if it stays
	// critical until then.
	DeregisterAt int64
	// Votes is what each server that runs the check sees, in order of name, if
	// several do.
	Votes []CheckVote
}

// CheckVote is the status of a check as one server sees it.
type CheckVote struct{ Server, Status string }
