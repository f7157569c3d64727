// Package raft replicates one state machine over a few servers.
//
// It wraps hashicorp/raft and adds what a service registry needs around it: one
// TCP port for consensus and for internal calls, forwarding of writes from any
// server, linearizable reads on any server, forming and joining a cluster
// without gossip, terms of leadership as contexts, and news of servers that
// fail and return.
//
// A write: Node.Apply → the leader (over the server port if need be) → log,
// fsynced on a majority → FSM.ApplyBatch on every server. A read: Node.ReadIndex
// asks the leader for a read index and waits until this server has applied it;
// the caller then reads its own state.
//
// The state machine keeps its own durable checkpoint, so a snapshot of the
// library is only a note of how far that checkpoint reaches (snapshotstore.go)
// and the log is truncated behind it. No type of hashicorp/raft or bbolt is
// part of an exported name.
package raft

import (
	"context"
	"io"
	"log/slog"
	"net"
	"time"
)

// FSM is the replicated state machine. ApplyBatch and Restore are called from
// one goroutine, in the order of the log; the other methods may be called
// beside them from any goroutine.
type FSM interface {
	// ApplyBatch applies committed commands in order and returns one result for
	// each, understood only by who proposed it (nil is fine). It must be
	// deterministic: no clock, no randomness, no map order. The slice is reused
	// after the call; the Data in it may be kept and must not be changed.
	ApplyBatch(entries []Entry) [][]byte
	// LastApplied returns the index and term of the last command applied, zeros
	// if none.
	LastApplied() (index, term uint64)
	// Snapshot returns a frozen copy of the present state. It costs a pointer
	// and never holds up ApplyBatch.
	Snapshot() Snapshot
	// Restore replaces all state by what a Snapshot's WriteTo wrote and makes it
	// durable before it returns. When it fails the old state is kept.
	Restore(r io.Reader) error
	// Checkpoint makes everything applied durable, at least up to index, and
	// returns the index that is durable. The log up to it may then be dropped.
	Checkpoint(index uint64) (uint64, error)
	// Durable returns index and term of the last command in the durable
	// checkpoint: what a start begins from.
	Durable() (index, term uint64)
}

// Entry is one committed command.
type Entry struct {
	Index, Term uint64
	Time        time.Time // when the leader appended it, UTC; the same on every server
	Data        []byte    // never empty
}

// Snapshot is a frozen state. Release is called once, when it is done with.
type Snapshot interface {
	// Index returns index and term of the last command in the state.
	Index() (index, term uint64)
	// WriteTo writes the state. It may be called more than once and writes the
	// same bytes each time: the first call only measures the length.
	WriteTo(w io.Writer) (int64, error)
	// Release lets go of the state. It is called once.
	Release()
}

// Config configures a Node. Zero values mean the default named beside a field.
type Config struct {
	ID         string // this server's raft ID: its node ID
	Name       string // its node name
	Datacenter string // servers of another one are refused

	// Dir is the data directory. The log lives in Dir/raft.
	Dir string
	// Advertise is the host:port at which others reach the server port.
	Advertise string
	// Listener is the bound server port. ExtraListeners speak the same protocol
	// (the port that Consul's join addresses name). The Node closes them.
	Listener       net.Listener
	ExtraListeners []net.Listener
	// Dial connects to another server's port. Nil means plain TCP.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// DefaultPort is appended to join addresses without one. Zero means 8300.
	DefaultPort int

	// BootstrapExpect is the number of fresh servers that together form a new
	// cluster: 0 only joins, 1 forms one alone. Bootstrap is the same as 1.
	BootstrapExpect int
	Bootstrap       bool
	// Join and RetryJoin are addresses to join; Join is tried once, RetryJoin
	// again and again, in the end every RetryInterval (30s). With a RetryMax (0:
	// no limit) the search fails after that many times RetryInterval, unless
	// somebody has answered or this server is a member already, see Failed.
	Join, RetryJoin []string
	RetryInterval   time.Duration
	RetryMax        int
	// Rejoin makes a server that left gracefully come back when it starts.
	Rejoin bool
	// NonVoter makes this server a copy that never votes.
	NonVoter bool

	// Multiplier scales the timeouts of elections and leases. Zero means 1.
	Multiplier float64
	// LogStore is "boltdb" (the default) or "wal".
	LogStore string
	// SnapshotThreshold is how many entries the log grows before it is
	// truncated (16384), TrailingLogs how many are kept for followers that lag
	// (4096), SnapshotInterval how often that is looked at (5s, jittered).
	SnapshotThreshold, TrailingLogs uint64
	SnapshotInterval                time.Duration
	// HoldTimeout is how long an operation waits for a leader. Zero means 7s.
	HoldTimeout time.Duration

	// Meta is what other servers are told about this one: version, ports.
	Meta map[string]string
	// Autopilot is the starting configuration, see DefaultAutopilotConfig.
	Autopilot AutopilotConfig
	// Logger is where the Node reports. Nil means nowhere.
	Logger *slog.Logger

	tune func(*timing) // for tests of this package
}

// Consistency says how a read makes sure that it is not stale.
type Consistency int

const (
	// Default trusts a lease that heartbeats renew: as good as Consistent while
	// the clocks of the servers run at about the same speed.
	Default Consistency = iota
	// Consistent makes the leader prove to a majority that it still leads.
	Consistent
)

// String returns the name that clients know the consistency by.
func (c Consistency) String() string {
	if c == Consistent {
		return "consistent"
	}
	return "default"
}

// Term is one term of leadership of this server.
type Term struct {
	Context context.Context // ends with the leadership; binds what is applied under it to this term
	Number  uint64          // raft term
}

// Liveness is news about another server, see Node.Liveness.
type Liveness struct {
	ID    string
	Alive bool
	Since time.Time // its last sign of life when not alive, else when it came back
	// Context is that of the Term in which it is true: what follows from the news
	// is applied under it.
	Context context.Context
}

// ServerInfo describes one server of the cluster.
type ServerInfo struct {
	ID, Address string
	Voter       bool
	Leader      bool
	Name        string            // "" if not yet known
	Meta        map[string]string // its Config.Meta, nil if not yet known
}
