package server

import (
	"net"
	"strconv"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/logging"
	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/internal/store"
)

// openRegistry starts the operations and the check runner beneath them.
func (s *Server) openRegistry() error {
	c := s.cfg
	scripts := c.EnableScriptChecks || c.EnableLocalScriptChecks
	s.registry = registry.New(registry.Config{
		Name: c.NodeName, ID: c.NodeID, Datacenter: c.Datacenter, Scripts: c.EnableScriptChecks, LocalScripts: c.EnableLocalScriptChecks, SessionTTLMin: c.SessionTTLMin,
		HoldTimeout: c.Performance.RPCHoldTimeout, DeregisterMin: c.CheckDeregisterMin, Policies: c.ConfigEntries.Bootstrap,
		Autopilot: autopilotConfig(c.Autopilot), Connect: c.Connect.Enabled, ClusterID: c.Connect.ClusterID, Dir: c.DataDir,
		Self: s.self(), Logger: logging.Named(s.log, "agent"), History: store.HistoryLimits{Count: c.History.MaxCount, Age: c.History.MaxAge},
	}, s.store, s.node)
	s.onClose("registry", func() error { s.registry.Close(); return nil })
	s.runner = checks.NewRunner(checks.Config{
		Logger: logging.Named(s.log, "checks"), Server: c.NodeName, EnableScripts: scripts, OutputMax: c.CheckOutputMaxSize, OutputInterval: c.CheckUpdateInterval,
		DiscardOutput: c.DiscardCheckOutput, TLSConfig: s.tls.now.Load().checks, AliasStatus: s.registry.AliasStatus,
		Emit: s.registry.Emit,
	})
	// Closing the runner waits for what it emits, which ends with the
	// registry's context; so the registry is stopped before.
	s.onClose("checks", func() error { s.registry.Close(); s.runner.Close(); return nil })
	s.registry.Start(s.runner, s.node.Terms(), s.node.Liveness())
	return nil
}

// self is how this server shows itself in the catalog.
func (s *Server) self() registry.Self {
	c := s.cfg
	meta := map[string]string{"consul-network-segment": "", "consul-version": s.version()}
	for k, v := range c.NodeMeta {
		meta[k] = v
	}
	return registry.Self{
		Address: c.AdvertiseAddr, TaggedAddresses: c.TaggedAddresses, Meta: meta, Port: s.serverPort(), Server: true,
		ServiceMeta: map[string]string{"grpc_port": strconv.Itoa(c.Ports.GRPC), "grpc_tls_port": strconv.Itoa(c.Ports.GRPCTLS), "non_voter": strconv.FormatBool(c.NonVoter),
			"raft_version": strconv.Itoa(c.Raft.Protocol), "read_replica": strconv.FormatBool(c.NonVoter), "serf_protocol_current": "2", "serf_protocol_max": "5",
			"serf_protocol_min": "1", "version": s.version()},
	}
}

func (s *Server) serverPort() int {
	_, port, _ := net.SplitHostPort(s.advertise)
	p, _ := strconv.Atoi(port)
	return p
}
