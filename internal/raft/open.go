package raft

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	hraft "github.com/hashicorp/raft"
)

// Defaults of Config.
const (
	defaultPort              = 8300
	defaultRetryInterval     = 30 * time.Second
	defaultHoldTimeout       = 7 * time.Second
	defaultSnapshotThreshold = 16384
	defaultTrailingLogs      = 4096
	defaultSnapshotInterval  = 5 * time.Second
	maxAppendEntries         = 512
)

func (c *Config) fillDefaults() error {
	switch {
	case c.ID == "":
		return errors.New("raft: server ID is empty")
	case c.Dir == "":
		return errors.New("raft: data directory is empty")
	case c.Listener == nil:
		return errors.New("raft: no listener")
	}
	if c.Advertise == "" {
		c.Advertise = c.Listener.Addr().String()
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Bootstrap {
		c.BootstrapExpect = 1
	}
	orDefault(&c.Autopilot, DefaultAutopilotConfig())
	orDefault(&c.DefaultPort, defaultPort)
	orDefault(&c.RetryInterval, defaultRetryInterval)
	orDefault(&c.HoldTimeout, defaultHoldTimeout)
	orDefault(&c.SnapshotThreshold, defaultSnapshotThreshold)
	orDefault(&c.TrailingLogs, defaultTrailingLogs)
	orDefault(&c.SnapshotInterval, defaultSnapshotInterval)
	return nil
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// Open starts a server over the data in cfg.Dir and returns it running. Errors
// are one line for an operator: a directory in use or of another server, a
// damaged file. The listeners are closed in any case, now or by Close.
func Open(cfg Config, fsm FSM) (*Node, error) {
	n := &Node{fsm: fsm, proposals: newGroup(), tasks: newGroup(), leaders: newLeaders(), terms: make(chan Term)}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	if err := cfg.fillDefaults(); err != nil {
		return nil, err
	}
	n.cfg, n.log, n.timing = cfg, cfg.Logger, newTiming(cfg.Multiplier)
	if cfg.tune != nil {
		cfg.tune(&n.timing)
	}
	n.SetAutopilotConfig(cfg.Autopilot)
	logs := newLogBridge(n.log)
	if err := n.openData(logs); err != nil {
		n.closeListeners()
		n.cancel()
		return nil, err
	}
	n.openPort(logs)
	if err := n.openConsensus(logs); err != nil {
		n.cancel()
		return nil, errors.Join(err, n.closeTransport(nil))
	}
	n.start()
	return n, nil
}

// openData opens the files and brings state machine and log together.
func (n *Node) openData(logs *logBridge) (err error) {
	if n.storage, err = openStorage(&n.cfg, logs); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			n.storage.close()
		}
	}()
	if err := n.storage.stable.claim(n.cfg.ID, n.cfg.Datacenter, n.cfg.Dir); err != nil {
		return err
	}
	if n.snaps, err = openSnapshotStore(n.storage); err != nil {
		return err
	}
	n.push = newCommitPush(n)
	n.applied = newProgress(0)
	n.adapter = &fsmAdapter{fsm: n.fsm, applied: n.applied, pushed: n.push.Committed}
	n.snaps.adapter = n.adapter
	if n.snaps.note != nil {
		n.adapter.set(n.snaps.note)
	}
	if err := n.snaps.recoverReceived(); err != nil {
		return err
	}
	n.adapter.skip, _ = n.fsm.Durable()
	if err := n.checkReach(); err != nil {
		return err
	}
	return n.recoverPeers()
}

// checkReach refuses a state machine whose checkpoint is ahead of the log: the
// log was lost, and entries it will get would be taken for applied. It refuses
// one whose checkpoint is behind where the log begins, too: that checkpoint was
// lost, and what is missing in between would never be noticed.
func (n *Node) checkReach() error {
	last, err := n.storage.logs.LastIndex()
	if err != nil {
		return damaged(n.storage.dir, err)
	}
	durable, _ := n.fsm.Durable()
	if note := n.snaps.note; note != nil {
		last = max(last, note.Index)
		if durable < note.State {
			return fmt.Errorf("data directory %s holds a state up to index %d, but its raft log begins after index %d: restore the directory as a whole, or empty it and let this server join again", n.cfg.Dir, durable, note.Index)
		}
	}
	if durable > last {
		return fmt.Errorf("data directory %s holds a state up to index %d, but its raft log ends at %d: restore the directory as a whole, or empty it and let this server join again", n.cfg.Dir, durable, last)
	}
	return nil
}

func (n *Node) openPort(logs *logBridge) {
	listeners := append([]net.Listener{n.cfg.Listener}, n.cfg.ExtraListeners...)
	n.mux = newMux(n.cfg.ID, listeners, address(n.cfg.Advertise), protoRaft, protoCalls)
	n.server = newRPCServer(n.timing.rpc)
	n.client = newRPCClient(n.cfg.Dial, n.timing.rpc)
	n.trans = newTransport(n.mux.Port(protoRaft), n.cfg.Dial, n.timing, logs)
}

// openConsensus starts the library. Reading a damaged log makes it panic.
func (n *Node) openConsensus(logs *logBridge) (err error) {
	defer damageToError(n.storage.dir, &err, func() error { return nil })
	defer faultsPanic()()

	n.guard = &voteGuard{node: n}
	n.lease = newLease(n.cfg.ID, n.timing.readLease, n.voters)
	n.sole = &sole{self: n.cfg.ID, voters: n.voters}
	n.turn = newTurn(n.proposals.closed)
	n.trans.admit = n.guard.admit
	n.liveness = newLiveness(n)
	n.joiner = newJoiner(n)
	n.founding = &founding{node: n}
	n.trans.alive = func(id string, term uint64, sent time.Time) {
		n.lease.Acknowledge(id, term, sent)
		n.liveness.heard(id, sent)
	}
	n.trans.mayStand = n.guard.mayStand
	n.trans.stillAt = n.stillAt
	n.trans.told = n.push.Told
	n.trans.moved = n.roster.moved
	n.trans.handing = func() { n.lease.Void(n.raft.CurrentTerm()) }

	if n.votes, err = openVoteStore(n.storage.stable, n.storage.logs); err != nil {
		return damaged(n.storage.dir, err)
	}
	n.votes.confirm = n.guard.confirm
	n.trans.between = n.votes.heartbeats
	existing, err := hraft.HasExistingState(n.storage.logs, n.votes, n.snaps)
	if err != nil {
		return damaged(n.storage.dir, err)
	}
	if existing {
		n.guard.started = time.Now()
	}
	if err := n.guard.load(!existing && n.cfg.BootstrapExpect != 1); err != nil {
		return err
	}
	conf := n.raftConfig(logs)
	if !existing && n.cfg.BootstrapExpect == 1 {
		if err := hraft.BootstrapCluster(conf, n.storage.logs, n.votes, n.snaps, n.trans, hraft.Configuration{
			Servers: []hraft.Server{{ID: conf.LocalID, Address: n.trans.LocalAddr()}},
		}); err != nil {
			return fmt.Errorf("found a cluster: %w", err)
		}
	}
	n.raft, err = hraft.NewRaft(conf, n.adapter, n.storage.logs, n.votes, n.snaps, n.trans)
	if err != nil {
		return damaged(n.storage.dir, err) // it reads nothing but the log
	}
	return nil
}

func (n *Node) raftConfig(logs *logBridge) *hraft.Config {
	c := hraft.DefaultConfig()
	c.LocalID = hraft.ServerID(n.cfg.ID)
	c.HeartbeatTimeout = n.timing.heartbeat
	c.ElectionTimeout = n.timing.election
	c.LeaderLeaseTimeout = n.timing.step
	c.CommitTimeout = n.timing.commit
	c.MaxAppendEntries = maxAppendEntries
	c.BatchApplyCh = true // proposals queue while the log is being synced
	c.SnapshotThreshold = n.cfg.SnapshotThreshold
	c.SnapshotInterval = n.cfg.SnapshotInterval
	c.TrailingLogs = n.cfg.TrailingLogs
	c.NoSnapshotRestoreOnStart = true
	c.NoLegacyTelemetry = true
	c.ShutdownOnRemove = false
	c.Logger = logs
	return c
}

// start sets everything in motion that needs the library running.
func (n *Node) start() {
	// The filter runs in the library's main goroutine, as the change happens.
	n.raft.RegisterObserver(hraft.NewObserver(nil, false, func(o *hraft.Observation) bool {
		if _, ok := o.Data.(hraft.LeaderObservation); ok {
			n.leaders.Change()
		}
		return false
	}))
	n.forward = &forwarder{node: n}
	n.settle = &settler{spawn: n.proposals.spawn}
	n.verify = &coalescer{ask: n.askVerify, spawn: n.tasks.spawn}
	n.asked = map[Consistency]*coalescer{
		Default:    {ask: n.askLeader(Default), spawn: n.tasks.spawn},
		Consistent: {ask: n.askLeader(Consistent), spawn: n.tasks.spawn},
	}
	n.duties = append(n.duties, n.push.run, n.liveness.run, n.runAutopilot)
	n.server.Handle(callApply, n.answerApply)
	n.server.Handle(callApplyAll, n.answerApplyAll)
	n.server.Handle(callReadIndex, n.answerReadIndex)
	n.server.Handle(callIdentify, n.answerIdentify)
	n.server.Handle(callPromise, n.founding.answer)
	n.server.Handle(callJoin, n.answerJoin)
	n.server.Handle(callRemove, n.answerRemove)
	n.server.Handle(callRemoved, n.answerRemoved)
	n.server.Handle(callTransfer, n.answerTransfer)
	n.server.Handle(callStats, n.answerStats)
	n.server.Handle(callAutopilot, n.answerAutopilot)

	n.tasks.spawn(func() { n.awake.run(n.ctx, func() bool { return len(n.configuration()) > 1 }) })
	n.tasks.spawn(n.runTerms)
	n.tasks.spawn(n.hasten)
	n.tasks.spawn(n.joiner.loop)
	n.server.Serve(n.mux.Port(protoCalls))
	n.trans.start()
	if ids := n.voters(); len(ids) == 1 && ids[0] == n.cfg.ID {
		// Nobody else can lead: waiting for a sign of life is pointless.
		n.tasks.spawn(func() { n.trans.electNow(n.rpcHeader()) })
	}
}

func (n *Node) closeListeners() {
	n.cfg.Listener.Close()
	for _, l := range n.cfg.ExtraListeners {
		l.Close()
	}
}

// closeTransport is the second half of Close, and undoes a failed Open.
func (n *Node) closeTransport(err error) error {
	err = errors.Join(err, n.trans.Close())
	n.client.Close()
	n.server.cancel()
	err = errors.Join(err, n.mux.Close())
	n.server.Close()
	return errors.Join(err, n.storage.close())
}
