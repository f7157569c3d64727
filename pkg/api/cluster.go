package api

import (
	"context"
	"net/url"
	"time"
)

// Cluster looks at how the cluster does its work. Consul has no such calls.
type Cluster struct{ c *Client }

// Cluster returns the calls below /v1/internal.
func (c *Client) Cluster() Cluster { return Cluster{c} }

// CheckRun is a check that the cluster runs: who runs it, and how that goes.
// Times are by the clock of the server that runs it.
type CheckRun struct {
	Node        string
	CheckID     string
	Name        string
	ServiceID   string
	ServiceName string
	Type        string // "ttl", "http", "tcp", …
	Target      string `json:",omitempty"` // what is probed: a URL, host:port, a command; without passwords
	Interval    string `json:",omitempty"`
	Timeout     string `json:",omitempty"`
	TTL         string `json:",omitempty"`
	Status      string
	Output      string // what it said last, though only later in the catalog
	// Since is when the status came about; zero if the history no longer has
	// that.
	Since time.Time `json:",omitzero"`

	// Owner is the server that runs the check; empty while none can.
	Owner string
	// Observers are the servers that run it if several do, the owner first; Votes
	// are what they see. What is told of the runs is the owner's, or with
	// CheckRuns.Local that of the server that answers.
	Observers []string    `json:",omitempty"`
	Votes     []CheckVote `json:",omitempty"`
	// Answered says whether the owner told of its runs. What follows is zero if
	// it did not, or has only just become the owner.
	Answered bool

	LastRun time.Time `json:",omitzero"` // or the last heartbeat; zero if the owner has not run it yet
	Took    Duration  `json:",omitzero"` // the last run
	Late    Duration  `json:",omitzero"` // how long after its time the last run began
	Runs    uint32    `json:",omitzero"` // by this owner, of this definition
	NextRun time.Time `json:",omitzero"` // or the end of the TTL; zero for an alias and an ended TTL
	TTLLeft Duration  `json:",omitzero"`
	State   string    `json:",omitempty"` // "probing", "waiting" for its turn, or empty

	// DeregisterAt is when the check's service is deregistered unless the check
	// recovers; zero if it will not be.
	DeregisterAt time.Time `json:",omitzero"`
	// CriticalSince is when it was first reported critical in a row, where the
	// servers keep that: for DeregisterAt, or for a CheckGuard.
	CriticalSince time.Time `json:",omitzero"`

	// Observed is the status that was last seen, while a policy makes the check
	// show another or keep it; then Output is what that said. HeldUntil is for
	// CheckDamping, with the number of changes; GuardedUntil for CheckGuard.
	Observed     string    `json:",omitempty"`
	HeldUntil    time.Time `json:",omitzero"`
	Changes      int       `json:",omitzero"`
	GuardedUntil time.Time `json:",omitzero"`
}

// CheckRuns selects among the checks that the cluster runs. The zero value
// stands for all.
type CheckRuns struct {
	Node    string // only checks of this node
	Service string // only checks of this service's instances
	// Local stands for those that the server which answers runs.
	Local bool
}

// Checks lists the checks that the cluster runs. QueryOptions.Filter is an
// expression over the fields of CheckRun; QueryMeta.Silent names the servers that
// did not tell in time how theirs are going.
func (u Cluster) Checks(ctx context.Context, which CheckRuns, q *QueryOptions) ([]*CheckRun, QueryMeta, error) {
	params := scopeParam(which.Local)
	for name, value := range map[string]string{"node": which.Node, "service": which.Service} {
		if value != "" {
			params.Set(name, value)
		}
	}
	return get[[]*CheckRun](ctx, u.c, "/v1/internal/checks", params, q)
}

func scopeParam(local bool) url.Values {
	if local {
		return url.Values{"scope": {"server"}}
	}
	return url.Values{}
}

// ServerFigures tell how busy a server is.
type ServerFigures struct {
	Server string
	ID     string
	// Silent says that the server did not answer in time: nothing but its name
	// and ID is known.
	Silent bool `json:",omitempty"`

	Leader     bool
	Index      uint64   // of the newest change it has applied
	Watchers   int      // blocking queries that wait
	Checks     int      // that it runs
	Probes     int      // of them in flight
	Waiting    int      // of them whose time has come, but not their turn
	LateP99    Duration // how long after its time a run begins: 99 of 100 sooner
	Goroutines int
	Memory     uint64 // bytes the process has of the system
	Uptime     Duration
}

// Servers tells how busy the servers of the cluster are, in order of name. With
// local it is only the one that answers.
func (u Cluster) Servers(ctx context.Context, local bool) ([]*ServerFigures, error) {
	list, _, err := get[[]*ServerFigures](ctx, u.c, "/v1/internal/servers", scopeParam(local), nil)
	return list, err
}
