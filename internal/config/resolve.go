package config

import (
	"fmt"
	"net"
	"strings"
)

// resolve works out what follows from the keys given and from the host.
func (l *loader) resolve(h Host) error {
	c := l.c
	c.Datacenter = strings.ToLower(c.Datacenter)
	c.PrimaryDatacenter = strings.ToLower(firstOf(c.PrimaryDatacenter, c.Datacenter))
	c.NodeID = strings.ToLower(c.NodeID)
	c.Domain = domainName(firstOf(c.Domain, "consul"))
	c.AltDomain = domainName(c.AltDomain)
	c.Log.Level = strings.ToUpper(c.Log.Level)
	if c.Performance.RaftMultiplier == 0 {
		c.Performance.RaftMultiplier = defaultRaftMultiplier
	}
	l.resolveRole()
	l.resolveJoin()
	if err := l.resolveNodeName(h); err != nil {
		return err
	}
	if err := l.resolveRecursors(h); err != nil {
		return err
	}
	l.inheritTLS()
	return l.resolveAddresses(h)
}

// resolveRole decides how this server takes part.
func (l *loader) resolveRole() {
	c := l.c
	c.NonVoter = !c.Server || c.ReadReplica
	if !c.Server {
		l.warn("server", "server is false: there is no mode without the catalog, so this runs as a server without a vote")
	}
	if !l.given("leave_on_terminate") {
		c.LeaveOnTerminate = !c.Server
	}
	if !l.given("skip_leave_on_interrupt") {
		c.SkipLeaveOnInterrupt = c.Server
	}
	if c.BootstrapExpect == 1 && c.Server && !c.Bootstrap && !c.Dev {
		c.BootstrapExpect, c.Bootstrap = 0, true
		l.warn("bootstrap_expect", "bootstrap_expect is 1, which is the same as bootstrap")
	}
	if c.BootstrapExpect > 0 && c.BootstrapExpect%2 == 0 {
		l.warn("bootstrap_expect", "bootstrap_expect is %d: an even number of servers survives no more failures than one less", c.BootstrapExpect)
	}
	if c.ACL.Enabled {
		l.warn("acl.enabled", "acl.enabled has no effect: access control is not served yet")
	}
	if c.PrimaryDatacenter != c.Datacenter {
		l.warn("primary_datacenter", "primary_datacenter has no effect: %s", oneDC)
	}
}

// resolveJoin leaves out join addresses that ask a cloud's interface for the
// servers, which is not served.
func (l *loader) resolveJoin() {
	var plain []string
	for _, a := range l.c.RetryJoin {
		if strings.Contains(a, "provider=") {
			l.warn("retry_join", "retry_join %q has no effect: servers are not looked up at a cloud; name their addresses", clip(a))
			continue
		}
		plain = append(plain, strings.TrimSpace(a))
	}
	l.c.RetryJoin = plain
}

func (l *loader) resolveNodeName(h Host) error {
	c := l.c
	if c.NodeName != "" || l.given("node_name") || h.Name == nil {
		return nil
	}
	name, err := h.Name()
	if err != nil {
		return fmt.Errorf("ask for the host's name: %w: set node_name", err)
	}
	c.NodeName = name
	return nil
}

// resolveRecursors makes the recursors addresses with ports.
func (l *loader) resolveRecursors(h Host) error {
	var addrs []string
	for _, given := range l.c.Recursors {
		s, err := h.expand(given)
		if err != nil {
			return l.fault("recursors", "%w", err)
		}
		for _, one := range strings.Fields(s) {
			host, port := one, "53"
			if a, p, err := net.SplitHostPort(one); err == nil {
				host, port = a, p
			}
			ip, ok := parseIP(host)
			if !ok || ip.IsUnspecified() {
				return l.fault("recursors", "has %q: give the address of a DNS server, such as 10.0.0.2", clip(one))
			}
			addrs = append(addrs, net.JoinHostPort(ip.String(), port))
		}
	}
	l.c.Recursors = addrs
	return nil
}

// domainName is the name in lower case with the final dot; empty stays empty.
func domainName(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(s, ".")) + "."
}
