// Package registry holds the operations of the registry: what each request
// means, apart from how it arrived. It validates, proposes commands through
// consensus, reads at the consistency asked for, runs the checks that are this
// server's, and does what only a leader does.
package registry

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Consensus is what the registry needs of raft. All methods are safe for
// concurrent use; those that change something reach the leader from anywhere.
type Consensus interface {
	// Apply proposes a command on whatever server and returns its result.
	Apply(ctx context.Context, cmd []byte) (result []byte, index uint64, err error)
	// ReadIndex returns once the state of this server holds every write that
	// was acknowledged before the call.
	ReadIndex(ctx context.Context, c raft.Consistency) error
	// WaitApplied returns once the state of this server holds the entry at the
	// index.
	WaitApplied(ctx context.Context, index uint64) error
	Calls
	Membership
	Autopilot
}

// Calls are requests between servers, over the server port.
type Calls interface {
	// Handle adds a kind of request that other servers may send.
	Handle(kind string, h func(ctx context.Context, req []byte) ([]byte, error))
	// Call sends a request to one server by its raft ID.
	Call(ctx context.Context, serverID, kind string, req []byte) ([]byte, error)
	// CallLeader sends a request to the leader.
	CallLeader(ctx context.Context, kind string, req []byte) ([]byte, error)
}

// Heartbeats is what the registry needs of the check runner.
type Heartbeats interface {
	// Heartbeat reports a TTL check that this server runs.
	Heartbeat(id checks.ID, status, output, client string) error
	// Wait returns once a status reported for the check has been emitted.
	Wait(ctx context.Context, id checks.ID) error
	// Rearm gives the TTL checks named their full time again.
	Rearm(ids ...checks.ID)
	// Reconcile tells the runner which of its checks changed and which went.
	Reconcile(changed []*api.Check, removed []checks.ID)
	// Snapshot returns status and output as last seen by the runner, which may
	// be newer than the catalog where only the output changed.
	Snapshot(id checks.ID) (status, output string, ok bool)
	// Run returns how a check is doing; ok is false when it is not run here.
	Run(id checks.ID) (run checks.Run, ok bool)
	// Runs calls f for every check that is run here, and how it is doing.
	Runs(f func(checks.Run))
	// Load returns how busy the runner is.
	Load() checks.Load
}

// Config is what a Registry needs to know of its server.
type Config struct {
	Name       string // node name of this server
	ID         string // node ID, also the raft ID
	Datacenter string
	Scripts    bool // whether script checks may be registered
	// LocalScripts allows them in this server's own configuration files.
	LocalScripts bool
	Logger       *slog.Logger
	// Self is how this server registers itself in the catalog.
	Self          Self
	SessionTTLMin time.Duration // shortest session TTL, 0 means 10s
	// HoldTimeout is how long a request waits for a leader, or for a server that
	// can answer it; 0 means 7s, Consul's value.
	HoldTimeout time.Duration
	// DeregisterMin is the least time a check has to be critical before its
	// service is deregistered; 0 means store.MinDeregisterAfter.
	DeregisterMin time.Duration
	// Policies are check policies that are stored where there is none of that
	// name. They are complete.
	Policies []*api.CheckPolicy
	// Autopilot are the rules a new cluster begins with.
	Autopilot raft.AutopilotConfig
	Connect   bool   // whether there is a certificate authority
	ClusterID string // of its trust domain, at its making; empty means a random one
	Dir       string // for large temporary files; empty means the system's
	// History bounds what is remembered of the catalog's changes.
	History store.HistoryLimits
}

// Registry carries out operations. Safe for concurrent use.
type Registry struct {
	cfg  Config
	st   *store.Store
	cons Consensus
	run  Heartbeats
	log  *slog.Logger

	assign    *assigner
	deadlines *sessionDeadlines
	place     *place
	leafs     *leafs
	blocked   atomic.Int64 // see Blocked
	started   time.Time
	ctx       context.Context // ends with Close
	cancel    context.CancelFunc
	ended     sync.WaitGroup
}

// defaultHoldTimeout is Consul's rpc_hold_timeout.
const defaultHoldTimeout = 7 * time.Second

// New returns a Registry over the store. Its Emit is what the check runner
// reports to; Start gives it that runner and begins its work.
func New(cfg Config, st *store.Store, cons Consensus) *Registry {
	if cfg.DeregisterMin == store.MinDeregisterAfter {
		cfg.DeregisterMin = 0 // which says the same in fewer bytes of each report
	}
	cfg.HoldTimeout = cmp.Or(cfg.HoldTimeout, defaultHoldTimeout)
	r := &Registry{cfg: cfg, st: st, cons: cons, log: cfg.Logger, started: time.Now()}
	r.assign = newAssigner(r)
	r.deadlines = newSessionDeadlines()
	r.place = newPlace()
	r.leafs = &leafs{byService: map[string]*Leaf{}}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r
}

// State returns the present state of this server without asking anybody: what
// ?stale reads. It costs one atomic load.
func (r *Registry) State() *store.State { return r.st.State() }

// Read returns a state that holds every write acknowledged before the call.
func (r *Registry) Read(ctx context.Context, c raft.Consistency) (*store.State, error) {
	if err := r.cons.ReadIndex(ctx, c); err != nil {
		return nil, err
	}
	return r.st.State(), nil
}

// Name returns the node name of this server.
func (r *Registry) Name() string { return r.cfg.Name }

// Datacenter returns the datacenter's name.
func (r *Registry) Datacenter() string { return r.cfg.Datacenter }

// CheckDatacenter returns an UnknownDC error unless name is empty or ours.
func (r *Registry) CheckDatacenter(name string) error {
	if name == "" || name == r.cfg.Datacenter {
		return nil
	}
	return api.E(api.UnknownDC, "No path to datacenter")
}

// propose applies a command and returns its result; a refusal is the error.
func (r *Registry) propose(ctx context.Context, c store.Command) (store.Result, error) {
	res, _, err := r.proposeAt(ctx, c)
	return res, err
}

// proposeAt is propose that also returns the index of the command's entry.
func (r *Registry) proposeAt(ctx context.Context, c store.Command) (store.Result, uint64, error) {
	store.Sign(c, r.cfg.Name, clientOf(ctx))
	b, index, err := r.cons.Apply(ctx, store.Encode(c))
	if err != nil {
		return store.Result{}, 0, err
	}
	res, err := store.DecodeResult(b)
	if err != nil {
		return store.Result{}, 0, api.Wrap(api.Internal, "read the result of a command", err)
	}
	return res, index, res.Err
}

// Start begins the background work: registering this server, running its
// checks, and what a leader does while this server leads. terms and liveness
// are raft's channels; the registry is their one consumer. Close ends it all.
func (r *Registry) Start(run Heartbeats, terms <-chan raft.Term, liveness <-chan raft.Liveness) {
	r.run = run
	r.cons.Handle(heartbeatKind, r.handleHeartbeat)
	r.cons.Handle(rearmKind, r.handleRearm)
	r.cons.Handle(sessionRenewKind, r.handleRenew)
	r.cons.Handle(coordinateKind, r.handleCoordinate)
	r.cons.Handle(runsKind, r.handleRuns)
	r.cons.Handle(figuresKind, r.handleFigures)
	for _, f := range []func(context.Context){
		r.assign.run,
		r.keepRegistered,
		r.keepPlaced,
		r.followAutopilot,
		func(ctx context.Context) { r.lead(ctx, terms) },
		func(ctx context.Context) { r.followLiveness(ctx, liveness) },
	} {
		r.ended.Add(1)
		go func() {
			defer r.ended.Done()
			f(r.ctx)
		}()
	}
}

// Close ends what Start began and waits for it. Safe to call twice.
func (r *Registry) Close() {
	r.cancel()
	r.ended.Wait()
}

// KnownLeader reports whether this server knows a leader.
func (r *Registry) KnownLeader() bool {
	addr, _ := r.cons.Leader()
	return addr != ""
}

// Staleness returns how old the state of this server may be: 0 on the leader,
// else the time since it last heard of one.
func (r *Registry) Staleness() time.Duration { return r.cons.LastContact() }
