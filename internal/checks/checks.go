// Package checks runs health checks: it keeps the deadlines of TTL checks,
// probes what is to be probed, applies thresholds, and emits what changed.
//
// A Runner is told which checks are this server's (Reconcile) and makes the set
// it runs equal to that. It knows nothing of who owns which check, nor of how a
// transition reaches the catalog: both are its caller's.
//
//	heartbeats ─► Heartbeat ─┐
//	clock ─► expiry, probes ─┼─► task (status, output) ─► emitter ─► Config.Emit
//	alias watches ───────────┘
//
// One goroutine and one heap hold all deadlines, so an idle check costs a few
// hundred bytes and no goroutine; only a probe in flight, and an alias check's
// watch, has one. Each probe has its own, so a slow one delays no other.
package checks

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"
)

// Limits and defaults; all are Consul's.
const (
	// MinInterval is the shortest time between two runs of a check. A shorter
	// Interval is shown as given and run as this.
	MinInterval = time.Second
	// DefaultTimeout ends a probe that names no Timeout.
	DefaultTimeout = 10 * time.Second
	// DefaultScriptTimeout is the same for what starts a process: scripts,
	// Docker and OSService checks.
	DefaultScriptTimeout = 30 * time.Second
	// DefaultOutputMax is how many bytes of output are kept.
	DefaultOutputMax = 4096
	// DefaultOutputInterval is how late a change of output alone may be sent.
	DefaultOutputInterval = 5 * time.Minute
	// UserAgent is what an HTTP check says it is unless its Header says more.
	UserAgent = "Consul Health Check"
)

// ID names a check in the catalog.
type ID struct{ Node, CheckID string }

// Transition is a new status of a check, or a new output that is due to be
// stored. It holds what the check says now: changes that follow each other
// faster than Emit returns are one Transition.
type Transition struct {
	ID     ID
	Status string // api.Passing, api.Warning or api.Critical
	Output string
	Client string    // address of the client that told the status, empty if it was found here or is not new
	At     time.Time // when the status came about, by this server's clock
}

// Config is what a Runner needs. The zero value of each field but Emit is
// usable.
type Config struct {
	Logger *slog.Logger // nil discards
	// Server is the name of this server, to tell its own votes from those of
	// others that run the same check.
	Server string

	// EnableScripts allows checks that run a command (Args, also in Docker).
	// They are only ever taken from Check.Probe: what arrives through the
	// catalog as Check.Definition never runs a command on a server.
	EnableScripts bool
	// OutputMax is the upper limit of a check's output, in bytes; 0 means
	// DefaultOutputMax.
	OutputMax int
	// OutputInterval is how late a change of output alone is sent, at most;
	// 0 means DefaultOutputInterval, less than 0 sends it at once.
	OutputInterval time.Duration
	// DiscardOutput drops all outputs: only statuses are kept and sent.
	DiscardOutput bool

	// HTTPTransport carries the requests of HTTP checks; nil means a real one
	// that opens a new connection for each.
	HTTPTransport http.RoundTripper
	// TLSConfig is where the TLS settings of probes start from; nil means the
	// system's roots and no client certificate. It is not changed.
	TLSConfig *tls.Config
	// DockerHost is where the Docker engine listens, as unix:///path or
	// tcp://host:port; empty means unix:///var/run/docker.sock.
	DockerHost string

	// AliasStatus tells how what an alias check stands for fares, as Worst sums
	// it up. It blocks while its index is prev and answers at once for prev 0;
	// the index grows with each change. It returns soon after ctx ends. It is
	// called from one goroutine for each alias check. Nil leaves alias checks as
	// they are in the catalog.
	AliasStatus func(ctx context.Context, of Alias, prev uint64) (status, output string, index uint64)

	// Emit takes what changed. It is called from one goroutine, with at most
	// one Transition for each check and at most 512 in all; the slice is its
	// own. It may block while the cluster cannot take a write: what changes
	// meanwhile is coalesced. It should try until the transitions are stored or
	// refused; a lost one is sent again when Reconcile next brings the check.
	// It must neither call nor wait for Reconcile or Close, which wait for it,
	// and must give up when the server stops. Nil drops all.
	Emit func([]Transition)
}

// withDefaults returns c with every field filled.
func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.OutputMax <= 0 {
		c.OutputMax = DefaultOutputMax
	}
	if c.OutputInterval == 0 {
		c.OutputInterval = DefaultOutputInterval
	}
	if c.DockerHost == "" {
		c.DockerHost = "unix:///var/run/docker.sock"
	}
	if c.Emit == nil {
		c.Emit = func([]Transition) {}
	}
	return c
}
