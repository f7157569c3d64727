package raft

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	hraft "github.com/hashicorp/raft"
)

// transport is the library's network transport with four additions: heartbeats
// that are answered renew the lease and count as signs of life, requests for
// votes pass the vote guard, addresses of servers that moved are replaced by
// what they announced, and what a follower was told of commits is noted.
type transport struct {
	*hraft.NetworkTransport
	incoming chan hraft.RPC
	opened   chan struct{}                                  // closed by start: requests wait for it, in and out
	admit    func(*hraft.RPC) bool                          // voteguard.go; false: already answered
	alive    func(id string, term uint64, sent time.Time)   // a heartbeat was accepted
	moved    func(id string) (addr string, ok bool)         // address learned elsewhere
	told     func(id string, commit uint64)                 // a follower is being told a commit index
	handing  func()                                         // leadership is about to be handed over
	mayStand func() bool                                    // this server may be a candidate
	stillAt  func(hraft.ServerID, hraft.ServerAddress) bool // the configuration has the server at no other address
	between  func(func(hraft.RPC)) func(hraft.RPC)          // makes heartbeats keep out of votes
	elected  atomic.Bool                                    // the candidacy is one of electNow
	stream   *stream
	ctx      context.Context
	wg       sync.WaitGroup
	stop     context.CancelFunc
	once     sync.Once
}

// stream is what the library dials and accepts on: the muxed port.
type stream struct {
	net.Listener
	dial  dialFunc
	conns connSet // outgoing
}

func (s *stream) Dial(addr hraft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := dialEndpoint(ctx, s.dial, protoRaft, string(addr))
	if err != nil {
		return nil, err
	}
	tracked, ok := s.conns.Add(conn)
	if !ok {
		return nil, net.ErrClosed
	}
	return tracked, nil
}

func newTransport(port net.Listener, dial dialFunc, t timing, log *logBridge) *transport {
	s := &stream{Listener: port, dial: dial}
	tr := &transport{stream: s, incoming: make(chan hraft.RPC), opened: make(chan struct{})}
	tr.NetworkTransport = hraft.NewNetworkTransportWithConfig(&hraft.NetworkTransportConfig{
		Stream: s, Logger: log, MaxPool: 3, Timeout: t.rpc,
	})
	// The answer to a snapshot comes after the follower has made it durable:
	// give that a second for each 16 KB.
	tr.TimeoutScale = 16 << 10
	tr.ctx, tr.stop = context.WithCancel(context.Background())
	return tr
}

// start lets requests through. The hooks must be set, and what they use.
func (t *transport) start() {
	close(t.opened)
	t.wg.Go(t.run)
}

// Close breaks the outgoing connections; the incoming ones belong to the mux.
// The library calls it too when it shuts down.
func (t *transport) Close() error {
	t.once.Do(func() {
		t.stop()
		t.stream.conns.Cut()
		t.CloseStreams()
		t.NetworkTransport.Close()
		t.wg.Wait()
	})
	return nil
}

func (t *transport) run() {
	for {
		select {
		case rpc := <-t.NetworkTransport.Consumer():
			if !t.admit(&rpc) {
				continue
			}
			select {
			case t.incoming <- rpc:
			case <-t.ctx.Done():
				return
			}
		case <-t.ctx.Done():
			return
		}
	}
}

// SetHeartbeatHandler is called by the library with what answers heartbeats, in
// the goroutines that read them.
func (t *transport) SetHeartbeatHandler(answer func(hraft.RPC)) {
	t.NetworkTransport.SetHeartbeatHandler(t.between(answer))
}

// Consumer is where the library takes requests from.
func (t *transport) Consumer() <-chan hraft.RPC { return t.incoming }

// electNow makes this server stand for election at once and without asking
// whether it could win. Only for a server that cannot disturb a leader: the
// single voter of its cluster, or the first of a new one.
func (t *transport) electNow(header hraft.RPCHeader) {
	t.elected.Store(true)
	answer := make(chan hraft.RPCResponse, 1)
	select {
	case t.incoming <- hraft.RPC{Command: &hraft.TimeoutNowRequest{RPCHeader: header}, RespChan: answer}:
	case <-t.ctx.Done():
	}
}

// to returns the endpoint of a server of the configuration.
func (t *transport) to(id hraft.ServerID, addr hraft.ServerAddress) hraft.ServerAddress {
	<-t.opened
	if a, ok := t.moved(string(id)); ok {
		addr = hraft.ServerAddress(a)
	}
	return hraft.ServerAddress(endpoint(string(id), string(addr)))
}

// AppendEntries sends entries, or a heartbeat.
//
// The answer to entries does not count when the server's address was changed
// meanwhile: the library reads the server that it replicates to without a lock
// as it takes that answer, and changes it as it changes the address
// (hashicorp/raft 1.7 and 1.8, updateLastAppended and startStopReplication). It
// sends again then, and looks with the lock before.
func (t *transport) AppendEntries(id hraft.ServerID, addr hraft.ServerAddress, req *hraft.AppendEntriesRequest, resp *hraft.AppendEntriesResponse) error {
	to := t.to(id, addr)
	t.told(string(id), req.LeaderCommitIndex)
	sent := time.Now()
	err := t.NetworkTransport.AppendEntries(id, to, req, resp)
	if err == nil && resp.Success && resp.Term == req.Term {
		t.alive(string(id), req.Term, sent)
	}
	if err == nil && len(req.Entries) > 0 && !t.stillAt(id, addr) {
		return errMoved
	}
	return err
}

func (t *transport) AppendEntriesPipeline(id hraft.ServerID, addr hraft.ServerAddress) (hraft.AppendPipeline, error) {
	p, err := t.NetworkTransport.AppendEntriesPipeline(id, t.to(id, addr))
	if err != nil {
		return nil, err
	}
	w := newPipeline(t.ctx, p, func(commit uint64) { t.told(string(id), commit) })
	t.wg.Go(w.pass)
	return w, nil
}

func (t *transport) RequestVote(id hraft.ServerID, addr hraft.ServerAddress, req *hraft.RequestVoteRequest, resp *hraft.RequestVoteResponse) error {
	addr = t.to(id, addr)
	if !t.mayStand() {
		return errAbstains
	}
	if req.LeadershipTransfer && t.elected.Load() {
		// No leader handed over to this server: it claims no privilege over
		// one that was elected meanwhile.
		plain := *req
		plain.LeadershipTransfer = false
		req = &plain
	}
	return t.NetworkTransport.RequestVote(id, addr, req, resp)
}

func (t *transport) RequestPreVote(id hraft.ServerID, addr hraft.ServerAddress, req *hraft.RequestPreVoteRequest, resp *hraft.RequestPreVoteResponse) error {
	addr = t.to(id, addr)
	if !t.mayStand() {
		return errAbstains
	}
	return t.NetworkTransport.RequestPreVote(id, addr, req, resp)
}

func (t *transport) InstallSnapshot(id hraft.ServerID, addr hraft.ServerAddress, req *hraft.InstallSnapshotRequest, resp *hraft.InstallSnapshotResponse, data io.Reader) error {
	return t.NetworkTransport.InstallSnapshot(id, t.to(id, addr), req, resp, data)
}

func (t *transport) TimeoutNow(id hraft.ServerID, addr hraft.ServerAddress, req *hraft.TimeoutNowRequest, resp *hraft.TimeoutNowResponse) error {
	t.handing()
	return t.NetworkTransport.TimeoutNow(id, t.to(id, addr), req, resp)
}

// errMoved makes the library send again.
var errMoved = errors.New("address of the server was changed on the way")

// errAbstains keeps a server that lost its data from standing for election.
var errAbstains = errors.New("server has not caught up since it lost its data")

var (
	_ hraft.Transport   = (*transport)(nil)
	_ hraft.WithPreVote = (*transport)(nil)
	_ hraft.WithClose   = (*transport)(nil)
)
