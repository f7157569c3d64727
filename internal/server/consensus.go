package server

import (
	"io"
	"net"
	"strconv"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/logging"
	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
)

// fsm lets raft replicate the store without either knowing the other.
type fsm struct {
	*store.Store
	entries []store.Entry // reused; ApplyBatch has one caller at a time
}

func (f *fsm) ApplyBatch(entries []raft.Entry) [][]byte {
	f.entries = f.entries[:0]
	for _, e := range entries {
		f.entries = append(f.entries, store.Entry(e))
	}
	r := f.Store.ApplyBatch(f.entries)
	clear(f.entries) // the commands are not kept alive
	return r
}

func (f *fsm) Snapshot() raft.Snapshot { return snapshot{f.State()} }

func (f *fsm) Restore(r io.Reader) error { return f.Store.Restore(r) }

// snapshot is a held State: immutable, so there is nothing to release.
type snapshot struct{ state *store.State }

func (s snapshot) Index() (index, term uint64)        { return s.state.Position() }
func (s snapshot) WriteTo(w io.Writer) (int64, error) { return s.state.WriteTo(w) }
func (s snapshot) Release()                           {}

// openConsensus binds the server ports and starts raft on the store.
func (s *Server) openConsensus() error {
	ln, err := listen(s.cfg.ServerAddr(), "ports.server")
	if err != nil {
		return err
	}
	var extra []net.Listener
	if addr := s.cfg.SerfLANAddr(); addr != "" {
		l, err := listen(addr, "ports.serf_lan")
		if err != nil {
			ln.Close()
			return err
		}
		extra = append(extra, l)
	}
	s.advertise = net.JoinHostPort(s.cfg.AdvertiseAddr, strconv.Itoa(portOf(ln)))
	rc := s.raftConfig(ln, extra)
	s.tls.securePort(&rc)
	s.node, err = raft.Open(rc, &fsm{Store: s.store})
	if err != nil {
		ln.Close()
		for _, l := range extra {
			l.Close()
		}
		return err
	}
	s.onClose("consensus", s.node.Close)
	return nil
}

func (s *Server) raftConfig(ln net.Listener, extra []net.Listener) raft.Config {
	c := s.cfg
	expect := c.BootstrapExpect
	if c.Dev && expect == 0 && len(c.RetryJoin) == 0 {
		expect = 1
	}
	return raft.Config{
		ID: c.NodeID, Name: c.NodeName, Datacenter: c.Datacenter, Dir: c.DataDir,
		Advertise: s.advertise, Listener: ln, ExtraListeners: extra, Dial: s.opts.Dial,
		BootstrapExpect: expect, Bootstrap: c.Bootstrap, RetryJoin: c.RetryJoin, RetryInterval: c.RetryInterval, RetryMax: c.RetryMax,
		Rejoin: c.RejoinAfterLeave, NonVoter: c.NonVoter, Multiplier: multiplier(c.Performance.RaftMultiplier), LogStore: c.RaftLog.Backend,
		SnapshotThreshold: uint64(c.Raft.SnapshotThreshold), SnapshotInterval: c.Raft.SnapshotInterval, TrailingLogs: uint64(c.Raft.TrailingLogs),
		HoldTimeout: c.Performance.RPCHoldTimeout, Meta: s.tags(), Autopilot: autopilotConfig(c.Autopilot),
		Logger: logging.Named(s.log, "raft"),
	}
}

// multiplier maps Consul's raft_multiplier to ours. Consul's default, 5, means
// our default timing, which is ten times as fast as its; 1, its fastest, is
// not made five times faster still: elections must survive a slow disk.
func multiplier(consul int) float64 {
	if consul == 0 {
		return 1
	}
	return max(float64(consul)/5, 0.6)
}

func autopilotConfig(c config.Autopilot) raft.AutopilotConfig {
	a := raft.DefaultAutopilotConfig()
	a.CleanupDeadServers = c.CleanupDeadServers
	a.LastContactThreshold = c.LastContactThreshold
	a.MaxTrailingLogs = uint64(c.MaxTrailingLogs)
	a.MinQuorum = uint(c.MinQuorum)
	a.ServerStabilizationTime = c.ServerStabilizationTime
	return a
}

// tags are what other servers and /v1/agent/members show of this one.
func (s *Server) tags() map[string]string {
	c := s.cfg
	t := map[string]string{
		"build": s.version() + ":registryd", "version": s.version(), "acls": "0", "ft_fs": "1", "ft_si": "1", "segment": "", "wan_join_port": strconv.Itoa(c.Ports.SerfWAN),
		"raft_vsn": strconv.Itoa(c.Raft.Protocol),
	}
	if c.Bootstrap || c.Dev {
		t["bootstrap"] = "1"
	}
	if c.BootstrapExpect > 0 {
		t["expect"] = strconv.Itoa(c.BootstrapExpect)
	}
	return t
}

// version is the version of Consul's that this server offers.
func (s *Server) version() string {
	if s.cfg.VersionOverride != "" {
		return s.cfg.VersionOverride
	}
	return config.ConsulVersion
}

func portOf(ln net.Listener) int {
	if a, ok := ln.Addr().(*net.TCPAddr); ok {
		return a.Port
	}
	return 0
}
