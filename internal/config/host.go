package config

import (
	"bufio"
	"net"
	"net/netip"
	"os"
	"strings"
)

// Host is what a configuration depends on of the machine it is for. The zero
// value knows nothing; ThisHost asks the operating system.
type Host struct {
	// Name returns the host's name, the default of node_name.
	Name func() (string, error)
	// Interfaces lists the network interfaces that are up.
	Interfaces func() ([]Interface, error)
}

// Interface is a network interface that is up.
type Interface struct {
	Name     string
	Loopback bool
	// Default says that the default route leads through it.
	Default bool
	Addrs   []netip.Prefix
}

// ThisHost is the machine the program runs on.
func ThisHost() Host {
	return Host{Name: os.Hostname, Interfaces: interfaces}
}

func interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	routed := defaultInterface("/proc/net/route")
	var up []Interface
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			return nil, err
		}
		up = append(up, Interface{
			Name:     i.Name,
			Loopback: i.Flags&net.FlagLoopback != 0,
			Default:  i.Name == routed,
			Addrs:    prefixes(addrs),
		})
	}
	return up, nil
}

func prefixes(addrs []net.Addr) []netip.Prefix {
	var ps []netip.Prefix
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			ps = append(ps, p)
		}
	}
	return ps
}

// defaultInterface reads the name of the interface with the default route from
// Linux's routing table; it is empty where there is no such file or route.
func defaultInterface(routes string) string {
	f, err := os.Open(routes)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		columns := strings.Fields(lines.Text())
		if len(columns) > 7 && columns[1] == "00000000" && columns[7] == "00000000" {
			return columns[0]
		}
	}
	return ""
}

// hostAddr is an address of this host.
type hostAddr struct {
	netip.Prefix
	on Interface
}

// addrs lists the host's addresses. Link-local ones are left out: nobody is
// reached through them without naming an interface too.
func (h Host) addrs() ([]hostAddr, error) {
	if h.Interfaces == nil {
		return nil, nil
	}
	all, err := h.Interfaces()
	if err != nil {
		return nil, err
	}
	var addrs []hostAddr
	for _, i := range all {
		for _, p := range i.Addrs {
			if !p.Addr().IsLinkLocalUnicast() {
				addrs = append(addrs, hostAddr{p, i})
			}
		}
	}
	return addrs, nil
}

// private reports whether the address is of a network that is not routed in
// the internet: RFC 1918, RFC 4193, and RFC 6598 (carrier-grade translation).
func (a hostAddr) private() bool {
	return !a.on.Loopback && (a.Addr().IsPrivate() || carrierGrade.Contains(a.Addr()))
}

func (a hostAddr) public() bool {
	return !a.on.Loopback && a.Addr().IsGlobalUnicast() && !a.private()
}

var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")
