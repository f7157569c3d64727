package config

import (
	"net"
	"strconv"
	"strings"
)

// HTTPAddrs are the addresses that plain HTTP is served on: host:port, or
// unix:// and a path. None when the port is off.
func (c *Config) HTTPAddrs() []string { return withPort(c.Addresses.HTTP, c.Ports.HTTP) }

// HTTPSAddrs are the addresses that HTTP over TLS is served on. None when the
// port is off or there is no certificate.
func (c *Config) HTTPSAddrs() []string {
	if !c.TLS.HTTPS.HasCertificate() {
		return nil
	}
	return withPort(c.Addresses.HTTPS, c.Ports.HTTPS)
}

// DNSAddrs are the addresses, TCP and UDP, that DNS is served on. None when
// the port is off.
func (c *Config) DNSAddrs() []string { return withPort(c.Addresses.DNS, c.Ports.DNS) }

// ServerAddr is the address that other servers connect to.
func (c *Config) ServerAddr() string { return hostPort(c.BindAddr, c.Ports.Server) }

// SerfLANAddr is the address of the port that Consul keeps for gossip, where
// the server port's protocol is spoken too; empty when the port is off.
func (c *Config) SerfLANAddr() string {
	if c.Ports.SerfLAN < 0 {
		return ""
	}
	return hostPort(c.Addresses.SerfLAN, c.Ports.SerfLAN)
}

// withPort joins hosts and a port to addresses to listen on; unix sockets stay
// as they are. A port that is off gives none.
func withPort(hosts []string, port int) []string {
	if port < 0 {
		return nil
	}
	addrs := make([]string, len(hosts))
	for i, h := range hosts {
		addrs[i] = h
		if !strings.HasPrefix(h, unixPrefix) {
			addrs[i] = hostPort(h, port)
		}
	}
	return addrs
}

func hostPort(host string, port int) string {
	return net.JoinHostPort(host, strconv.Itoa(port))
}
