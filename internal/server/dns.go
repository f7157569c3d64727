package server

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/dnsserver"
	"github.com/registryd/registryd/internal/logging"
	"github.com/registryd/registryd/internal/raft"
)

// openDNS serves names on UDP and TCP.
func (s *Server) openDNS() error {
	c := s.cfg
	addrs := c.DNSAddrs()
	if len(addrs) == 0 {
		return nil
	}
	d, err := dnsserver.New(dnsserver.Config{
		State: s.registry.State, Staleness: s.registry.Staleness,
		Fresh:   func(ctx context.Context) error { return s.node.ReadIndex(ctx, raft.Default) },
		Queries: dnsQueries{s.registry}, Datacenter: c.Datacenter, Domain: c.Domain, AltDomain: c.AltDomain, Recursors: c.Recursors,
		Settings: dnsSettings(c), Logger: logging.Named(s.log, "dns"),
	})
	if err != nil {
		return err
	}
	s.dns = d
	s.onClose("DNS", d.Close)
	for _, addr := range addrs {
		if strings.HasPrefix(addr, "unix://") {
			continue // names are not asked for over sockets of files
		}
		udp, tcp, err := listenDNS(addr)
		if err != nil {
			return err
		}
		s.doors.dns = append(s.doors.dns, tcp.Addr().String())
		if err := d.Serve(udp, tcp); err != nil {
			return fmt.Errorf("serve DNS on %s: %w", addr, err)
		}
	}
	return nil
}

// dnsTries is how often a free port is looked for that is free for UDP and TCP
// alike.
const dnsTries = 10

// listenDNS binds the same port for UDP and TCP.
func listenDNS(addr string) (net.PacketConn, net.Listener, error) {
	var err error
	for range dnsTries {
		var tcp net.Listener
		if tcp, err = net.Listen("tcp", addr); err != nil {
			break
		}
		var udp net.PacketConn
		if udp, err = net.ListenPacket("udp", tcp.Addr().String()); err == nil {
			return udp, tcp, nil
		}
		tcp.Close()
		if !strings.HasSuffix(addr, ":0") {
			break
		}
	}
	return nil, nil, cannotListen(addr, "ports.dns", err)
}

// reloadDNS takes new settings of how names are answered.
func (s *Server) reloadDNS(next *config.Config) {
	if s.dns != nil {
		s.dns.SetConfig(dnsSettings(next))
	}
}

func dnsSettings(c *config.Config) dnsserver.Settings {
	d := c.DNS
	return dnsserver.Settings{
		AllowStale: d.AllowStale, MaxStale: d.MaxStale, NodeTTL: d.NodeTTL, ServiceTTL: d.ServiceTTL, OnlyPassing: d.OnlyPassing,
		ARecordLimit: d.ARecordLimit, UDPAnswerLimit: d.UDPAnswerLimit, DisableCompression: d.DisableCompression, NodeMetaTXT: d.NodeMetaTXT,
		RecursorStrategy: d.RecursorStrategy, RecursorTimeout: d.RecursorTimeout, SOA: dnsserver.SOA(d.SOA),
	}
}
