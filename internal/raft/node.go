package raft

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	hraft "github.com/hashicorp/raft"
	ap "github.com/hashicorp/raft-autopilot"

	"github.com/registryd/registryd/pkg/api"
)

// Node is one server of the cluster. Its methods may be called from any
// goroutine.
type Node struct {
	cfg    Config
	log    *slog.Logger
	timing timing
	fsm    FSM

	storage *storage
	snaps   *snapshotStore
	adapter *fsmAdapter
	applied *progress
	mux     *mux
	trans   *transport
	server  *rpcServer
	client  *rpcClient
	guard   *voteGuard
	votes   *voteStore
	lease   *lease
	push    *commitPush
	raft    *hraft.Raft

	roster   roster
	joiner   *joiner
	founding *founding
	liveness *liveness
	awake    awake
	removals removals
	turn     *turn // one change of membership at a time

	metAt atomic.Uint64 // index of the configuration whose members were met

	autopilotConfig atomic.Pointer[AutopilotConfig]
	pilot           atomic.Pointer[ap.Autopilot] // nil unless this server leads

	leaders *leaders
	ready   atomic.Uint64 // raft term in which this leader may serve, 0 if none
	// followed is the ID of the leader this server heard from last as a
	// follower; nil if none.
	followed atomic.Pointer[string]
	sole     *sole
	verify   *coalescer
	asked    map[Consistency]*coalescer
	terms    chan Term
	duties   []func(ctx context.Context, term uint64) // what only a leader does

	forward   *forwarder // commands on their way to the leader
	settle    *settler
	proposals *group // entries being proposed
	tasks     *group // everything else
	ctx       context.Context
	cancel    context.CancelFunc
	once      sync.Once
}

// Handle sets the handler of a kind of internal call, for Call and CallLeader.
// Kinds that begin with "raft." belong to this package. Requests are at most
// 8 MiB. The context of a call ends when its caller no longer waits.
func (n *Node) Handle(kind string, h func(ctx context.Context, req []byte) ([]byte, error)) {
	n.server.Handle(kind, h)
}

// Call asks one server of the cluster, by its ID; this server is asked directly.
// An error of the handler arrives with its kind and text. api.NotFound means an
// unknown ID, api.Unavailable that the call was not sent, api.OutcomeUnknown
// that the connection broke before the answer.
func (n *Node) Call(ctx context.Context, serverID, kind string, req []byte) ([]byte, error) {
	if serverID == n.cfg.ID {
		return n.server.Call(ctx, kind, req)
	}
	if s, ok := n.find(serverID); ok {
		return n.client.Call(ctx, string(n.trans.to(s.ID, s.Address)), kind, req)
	}
	return nil, api.E(api.NotFound, "no server with ID "+serverID)
}

// CallLeader asks the leader; api.NoLeader means that none is known now.
func (n *Node) CallLeader(ctx context.Context, kind string, req []byte) ([]byte, error) {
	addr, id := n.Leader()
	switch id {
	case "":
		return nil, api.E(api.NoLeader, "No cluster leader")
	case n.cfg.ID:
		return n.server.Call(ctx, kind, req)
	}
	return n.client.Call(ctx, endpoint(id, addr), kind, req)
}

// Stats returns what Consul shows as the raft section of a server's statistics.
func (n *Node) Stats() map[string]string {
	s := n.raft.Stats()
	// The library knows this one only inside its main loop.
	s["latest_configuration_index"] = strconv.FormatUint(n.adapter.configIndex.Load(), 10)
	return s
}

// closeWait is how long Close lets proposals finish before it stops consensus.
const closeWait = time.Second

// Close stops the server. It returns when its goroutines have ended and its
// files are closed. The cluster is not told: to others this server has failed.
// A second call does nothing.
func (n *Node) Close() error {
	var err error
	n.once.Do(func() { err = n.close() })
	return err
}

func (n *Node) close() error {
	n.proposals.close()
	settled := make(chan struct{})
	go func() {
		n.proposals.wait()
		close(settled)
	}()
	wait := func() {
		select {
		case <-settled:
		case <-time.After(closeWait):
		}
	}
	if n.IsLeader() {
		// The library forgets what is on its way to the state machine when it
		// is shut down; such a future would never end.
		wait()
	}
	n.cancel()
	n.tasks.close()
	err := n.raft.Shutdown().Error()
	n.tasks.wait()
	wait()
	n.leaders.Close()
	return n.closeTransport(err)
}
