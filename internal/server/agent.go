package server

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/logging"
	"github.com/registryd/registryd/pkg/api"
)

// Self implements httpapi.Agent.
func (s *Server) Self(context.Context) (map[string]any, error) {
	c := s.Config()
	return map[string]any{
		"Config": map[string]any{"Datacenter": c.Datacenter, "PrimaryDatacenter": c.PrimaryDatacenter, "NodeName": c.NodeName, "NodeID": c.NodeID,
			"Revision": revision(), "Server": c.Server, "Version": s.version(), "BuildDate": buildDate()},
		"DebugConfig": s.debugConfig(c),
		"Stats":       s.stats(),
		"Meta":        s.self().Meta,
	}, nil
}

// debugConfig is the part of the configuration in force that tools read.
func (s *Server) debugConfig(c *config.Config) map[string]any {
	return map[string]any{
		"AdvertiseAddrLAN": c.AdvertiseAddr, "AdvertiseAddrWAN": c.AdvertiseAddrWAN, "BindAddr": c.BindAddr, "Bootstrap": c.Bootstrap,
		"BootstrapExpect": c.BootstrapExpect, "ClientAddrs": c.ClientAddrs, "Datacenter": c.Datacenter, "DataDir": c.DataDir,
		"DNSDomain": c.Domain, "DNSAltDomain": c.AltDomain, "DNSPort": c.Ports.DNS, "DevMode": c.Dev, "EnableDebug": c.EnableDebug,
		"HTTPPort": c.Ports.HTTP, "HTTPSPort": c.Ports.HTTPS, "GRPCPort": c.Ports.GRPC, "GRPCTLSPort": c.Ports.GRPCTLS, "NodeID": c.NodeID, "NodeName": c.NodeName, "NodeMeta": c.NodeMeta,
		"RetryJoinLAN": c.RetryJoin, "ServerMode": c.Server, "ServerPort": s.serverPort(), "SerfPortLAN": c.Ports.SerfLAN,
		"SerfAdvertiseAddrLAN": "tcp://" + s.joinAddr(c),
		"EnableScriptChecks":   c.EnableScriptChecks, "LeaveOnTerm": c.LeaveOnTerminate, "SkipLeaveOnInt": c.SkipLeaveOnInterrupt,
		"TaggedAddresses": c.TaggedAddresses, "UIConfig": map[string]any{"Enabled": false}, "Version": s.version(), "ConnectEnabled": c.Connect.Enabled,
		"ACLsEnabled": false, "Logging": map[string]any{"LogLevel": c.Log.Level, "LogJSON": c.Log.JSON},
		"Telemetry": map[string]any{"MetricsPrefix": c.Telemetry.MetricsPrefix, "PrometheusRetentionTime": c.Telemetry.PrometheusRetentionTime.String()},
	}
}

// joinAddr is where others may join this server, as host:port.
func (s *Server) joinAddr(c *config.Config) string {
	if c.Ports.SerfLAN < 0 {
		return s.advertise
	}
	return net.JoinHostPort(c.AdvertiseAddr, strconv.Itoa(c.Ports.SerfLAN))
}

// stats are the sections of counters that `info` shows; all values are text.
func (s *Server) stats() map[string]map[string]string {
	st := s.registry.State()
	checks, services := 0, 0
	if v := s.registry.OwnNode(st); v != nil {
		checks, services = len(v.Checks)-1, len(v.Instances)-1
	}
	addr, _ := s.node.Leader()
	itoa, yes := strconv.Itoa, strconv.FormatBool
	return map[string]map[string]string{
		"agent": {"check_monitors": "0", "check_ttls": "0", "checks": itoa(max(checks, 0)), "services": itoa(max(services, 0))},
		"build": {"prerelease": "", "revision": revision(), "version": s.version(), "version_metadata": "", "registryd": config.Version},
		"consul": {"acl": "disabled", "bootstrap": yes(s.cfg.Bootstrap), "known_datacenters": "1", "leader": yes(s.node.IsLeader()),
			"leader_addr": addr, "server": yes(s.cfg.Server)},
		"raft": s.node.Stats(),
		"runtime": {"arch": runtime.GOARCH, "cpu_count": itoa(runtime.NumCPU()), "goroutines": itoa(runtime.NumGoroutine()),
			"max_procs": itoa(runtime.GOMAXPROCS(0)), "os": runtime.GOOS, "version": runtime.Version()},
		"catalog": {"index": strconv.FormatUint(st.Index(), 10), "nodes": itoa(st.NodeCount()), "checks_run_here": itoa(s.runner.Running())},
	}
}

// Version implements httpapi.Agent.
func (s *Server) Version() any {
	return map[string]string{"SHA": revision(), "BuildDate": buildDate(), "HumanVersion": s.version(), "FIPS": ""}
}

// Reload implements httpapi.Agent: it reads the configuration again and takes
// what may change while running. The log says what went wrong, too.
func (s *Server) Reload() error {
	if s.opts.Reload == nil {
		return api.E(api.Refused, "this server was not started from configuration files")
	}
	if err := s.takeConfig(); err != nil {
		s.log.Error("the configuration is refused, the old one stays in force", "error", err)
		return err
	}
	s.log.Info("configuration reloaded")
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return s.local.reload(ctx)
}

// takeConfig reads the configuration and puts what may change in force, all but
// the services and checks, which are registered afterwards.
func (s *Server) takeConfig() error {
	next, err := s.opts.Reload()
	if err != nil {
		return err
	}
	now := s.Config()
	// What the start worked out by itself has not changed.
	next.NodeID = now.NodeID
	if next.DataDir == "" {
		next.DataDir = now.DataDir
	}
	for _, key := range now.ReloadableFrom(next) {
		s.atNextStart(key)
	}
	if err := s.reloadTLS(next); err != nil {
		return err
	}
	s.logs.SetLevel(next.Log.SlogLevel())
	s.runner.SetDiscardOutput(next.DiscardCheckOutput)
	s.reloadDNS(next)
	s.mu.Lock()
	merged := *now
	merged.Log.Level, merged.DiscardCheckOutput, merged.DNS = next.Log.Level, next.DiscardCheckOutput, next.DNS
	merged.TLS, merged.Warnings = next.TLS, next.Warnings
	merged.Services, merged.Checks, merged.DefinedAt = next.Services, next.Checks, next.DefinedAt
	s.cfg = &merged
	s.mu.Unlock()
	for _, w := range next.Warnings {
		if !slices.Contains(now.Warnings, w) {
			s.log.Warn(w)
		}
	}
	return nil
}

// atNextStart tells that a reload passes over a key.
func (s *Server) atNextStart(key string) {
	s.log.Warn("a changed setting takes effect at the next start only", "key", key)
}

// Leave implements httpapi.Agent: this server leaves its cluster, then the
// owner of the Server is told to close it.
func (s *Server) Leave(ctx context.Context) error {
	s.log.Info("leaving the cluster")
	err := s.node.Leave(ctx)
	s.leave.Do(func() { close(s.left) })
	return err
}

// Metrics implements httpapi.Agent.
func (s *Server) Metrics() (any, error) { return s.telemetry.summary() }

// StreamMetrics implements httpapi.Agent.
func (s *Server) StreamMetrics(ctx context.Context, w io.Writer) {
	s.telemetry.memory.Stream(ctx, json.NewEncoder(w))
}

// Prometheus implements httpapi.Agent.
func (s *Server) Prometheus() http.Handler { return s.telemetry.prometheus }

// Monitor implements httpapi.Agent.
func (s *Server) Monitor(ctx context.Context, level string, json bool, w io.Writer) error {
	l, err := logging.ParseLevel(level)
	if err != nil {
		return err
	}
	return s.logs.Watch(ctx, l, json, w)
}
