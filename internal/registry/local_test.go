package registry

import (
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// local is a Consensus of one server: a proposal is applied at once.
type local struct {
	st *store.Store

	mu       sync.Mutex
	index    uint64
	leads    bool
	handlers map[string]func(context.Context, []byte) ([]byte, error)
	pilot    raft.AutopilotConfig
	log      []store.Entry
	arrived  int          // how many of the log are applied here
	leader   *store.Store // of another server, which leads; nil: this one does
	applied  int          // proposals since the start
	reads    int          // reads that asked the leader
	servers  []raft.ServerInfo
	removed  []string // IDs of servers that were
	called   []string // server ID and kind of each request to another server
}

func (l *local) Apply(ctx context.Context, cmd []byte) ([]byte, uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index++
	l.applied++
	e := store.Entry{Index: l.index, Term: 1, Time: time.Now(), Data: cmd}
	l.log = append(l.log, e)
	if l.leader != nil {
		return l.leader.ApplyBatch([]store.Entry{e})[0], l.index, nil
	}
	l.arrived = len(l.log)
	return l.st.ApplyBatch([]store.Entry{e})[0], l.index, nil
}

func (l *local) WaitApplied(context.Context, uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrive()
	return nil
}

func (l *local) ReadIndex(context.Context, raft.Consistency) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	if !l.leads {
		return api.E(api.NoLeader, "no leader")
	}
	l.arrive()
	return nil
}

// arrive applies here what was only applied on the leader. The caller holds mu.
func (l *local) arrive() {
	if l.arrived < len(l.log) {
		l.st.ApplyBatch(l.log[l.arrived:])
		l.arrived = len(l.log)
	}
}

func (l *local) Handle(kind string, h func(context.Context, []byte) ([]byte, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handlers[kind] = h
}

func (l *local) Call(ctx context.Context, id, kind string, req []byte) ([]byte, error) {
	l.mu.Lock()
	l.called = append(l.called, id+" "+kind)
	l.mu.Unlock()
	return l.CallLeader(ctx, kind, req)
}

func (l *local) CallLeader(ctx context.Context, kind string, req []byte) ([]byte, error) {
	l.mu.Lock()
	h := l.handlers[kind]
	l.mu.Unlock()
	return h(ctx, req)
}

func (l *local) IsLeader() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leads && l.leader == nil
}

func (l *local) Leader() (addr, id string)  { return "127.0.0.1:1", "id-1" }
func (l *local) LastContact() time.Duration { return 0 }
func (l *local) Servers(context.Context) ([]raft.ServerInfo, uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]raft.ServerInfo{{ID: "id-1", Address: "127.0.0.1:1", Voter: true, Leader: true, Name: "s1"}}, l.servers...), 1, nil
}

func (l *local) RemoveServer(_ context.Context, id string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removed = append(l.removed, id)
	l.without(id)
	return nil
}

// without takes servers out of raft's configuration. The caller holds mu.
func (l *local) without(ids ...string) {
	l.servers = slices.DeleteFunc(l.servers, func(s raft.ServerInfo) bool { return slices.Contains(ids, s.ID) })
}

// drop is without for who does not hold mu.
func (l *local) drop(ids ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.without(ids...)
}

func (l *local) RemoveAddress(context.Context, string) error                         { return nil }
func (l *local) TransferLeadership(context.Context, string) error                    { return nil }
func (l *local) JoinCluster(context.Context, []string) (int, error)                  { return 0, nil }
func (l *local) Leave(context.Context) error                                         { return nil }
func (l *local) Stats() map[string]string                                            { return nil }
func (l *local) AutopilotState(context.Context) (s raft.AutopilotState, err error)   { return }
func (l *local) AutopilotHealth(context.Context) (h raft.AutopilotHealth, err error) { return }

// join adds a server to raft's configuration.
func (l *local) join(s raft.ServerInfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.servers = append(l.servers, s)
}

// asked returns how many reads asked the leader.
func (l *local) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reads
}

// proposals returns how many commands were proposed.
func (l *local) proposals() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.applied
}

// rules returns what autopilot was told.
func (l *local) rules() raft.AutopilotConfig {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pilot
}

// count returns how many deadlines there are.
func (d *sessionDeadlines) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.byID) + len(d.queue)
}

func (l *local) SetAutopilotConfig(c raft.AutopilotConfig) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pilot = c
}

// idle is a check runner that runs nothing.
type idle struct{}

func (idle) Heartbeat(checks.ID, string, string, string) error { return nil }
func (idle) Wait(context.Context, checks.ID) error             { return nil }
func (idle) Rearm(...checks.ID)                                {}
func (idle) Reconcile([]*api.Check, []checks.ID)               {}
func (idle) Snapshot(checks.ID) (status, out string, ok bool)  { return "", "", false }
func (idle) Run(checks.ID) (_ checks.Run, ok bool)             { return }
func (idle) Runs(func(checks.Run))                             {}
func (idle) Load() (_ checks.Load)                             { return }

// testRegistry is a running registry with a leadership to give and take.
type testRegistry struct {
	*Registry
	t     *testing.T
	cons  *local
	terms chan raft.Term
	alive chan raft.Liveness
	end   context.CancelFunc // of the present term
}

func open(t *testing.T, cfg Config) *testRegistry {
	t.Helper()
	return openWith(t, cfg, func(*Registry) Heartbeats { return idle{} })
}

// openWith is open with a check runner, which is made for the registry.
func openWith(t *testing.T, cfg Config, runner func(*Registry) Heartbeats) *testRegistry {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "registry.db"))
	require.NoError(t, err)
	cfg.Name, cfg.ID, cfg.Datacenter = "s1", "id-1", "dc1"
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Self = Self{Address: "127.0.0.1", Port: 8300, Server: true}
	cfg.Autopilot, cfg.Dir = raft.DefaultAutopilotConfig(), t.TempDir()
	cons := &local{st: st, handlers: map[string]func(context.Context, []byte) ([]byte, error){}}
	r := &testRegistry{Registry: New(cfg, st, cons), t: t, cons: cons, terms: make(chan raft.Term), alive: make(chan raft.Liveness)}
	r.Start(runner(r.Registry), r.terms, r.alive)
	t.Cleanup(func() {
		if r.end != nil {
			r.end()
		}
		r.Close()
		require.NoError(t, st.Close())
	})
	return r
}

// lead begins a term.
func (r *testRegistry) lead() {
	ctx, cancel := context.WithCancel(context.Background())
	r.end = cancel
	r.elect()
	r.terms <- raft.Term{Context: ctx, Number: 1}
}

// elect makes consensus have a leader, without the duties of one.
func (r *testRegistry) elect() {
	r.cons.mu.Lock()
	defer r.cons.mu.Unlock()
	r.cons.leads = true
}

// depose ends the term.
func (r *testRegistry) depose() {
	r.cons.mu.Lock()
	r.cons.leads = false
	r.cons.mu.Unlock()
	r.end()
}

// do proposes a command that must work.
func (r *testRegistry) do(c store.Command) {
	r.t.Helper()
	res, err := r.propose(context.Background(), c)
	require.NoError(r.t, err)
	require.True(r.t, res.OK)
}

// follow makes this server a follower: what is written from now on arrives here
// when somebody waits for it, as late as can be.
func (r *testRegistry) follow() {
	r.t.Helper()
	leader, err := store.Open(filepath.Join(r.t.TempDir(), "leader.db"))
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, leader.Close()) })
	r.cons.mu.Lock()
	defer r.cons.mu.Unlock()
	leader.ApplyBatch(r.cons.log)
	r.cons.leader = leader
}

// truth is the leader's state.
func (r *testRegistry) truth() *store.State { return r.cons.leader.State() }
