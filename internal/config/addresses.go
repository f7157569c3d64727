package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// resolveAddresses works out the final addresses from those given.
func (l *loader) resolveAddresses(h Host) error {
	c := l.c
	var err error
	if c.BindAddr, err = l.ip(h, "bind_addr", c.Given.BindAddr); err != nil {
		return err
	}
	if c.AdvertiseAddr, err = l.advertised(h); err != nil {
		return err
	}
	wan := firstOf(c.Given.AdvertiseAddrWAN, c.Given.AdvertiseAddrWANIPv4, c.Given.AdvertiseAddrWANIPv6, c.AdvertiseAddr)
	if c.AdvertiseAddrWAN, err = l.reachable(h, "advertise_addr_wan", wan); err != nil {
		return err
	}
	if err := l.tagAddresses(h); err != nil {
		return err
	}
	if c.Addresses.SerfLAN, err = l.ip(h, "serf_lan", firstOf(c.Given.SerfLANBind, c.BindAddr)); err != nil {
		return err
	}
	if c.ClientAddrs, err = l.listen(h, "client_addr", c.Given.ClientAddr); err != nil {
		return err
	}
	for _, door := range []struct {
		key   string
		given string
		dst   *[]string
	}{
		{"addresses.http", c.Given.Addresses.HTTP, &c.Addresses.HTTP},
		{"addresses.https", c.Given.Addresses.HTTPS, &c.Addresses.HTTPS},
		{"addresses.dns", c.Given.Addresses.DNS, &c.Addresses.DNS},
	} {
		if *door.dst, err = l.listen(h, door.key, firstOf(door.given, c.Given.ClientAddr)); err != nil {
			return err
		}
	}
	return l.noSocketForDNS()
}

// noSocketForDNS takes unix sockets out of the DNS addresses that came from
// client_addr, and refuses ones that were asked for.
func (l *loader) noSocketForDNS() error {
	var ips []string
	for _, a := range l.c.Addresses.DNS {
		if !strings.HasPrefix(a, unixPrefix) {
			ips = append(ips, a)
		} else if l.c.Given.Addresses.DNS != "" {
			return l.fault("addresses.dns", "is %q: DNS needs an IP address", a)
		}
	}
	l.c.Addresses.DNS = ips
	return nil
}

const unixPrefix = "unix://"

// fault returns an error about a key that a source may have given.
func (l *loader) fault(key, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if at, ok := l.set[key]; ok {
		return blame(at, key, err)
	}
	return fmt.Errorf("%s %w", key, err)
}

// ip evaluates text that must name one IP.
func (l *loader) ip(h Host, key, given string) (string, error) {
	s, err := h.expand(given)
	if err != nil {
		return "", l.fault(key, "%w", err)
	}
	a, ok := parseIP(strings.TrimSpace(s))
	if !ok {
		return "", l.fault(key, "is %q: give one IP address, such as 10.0.0.5", clip(s))
	}
	return a.String(), nil
}

// parseIP parses an IP, also one in the brackets of a URL.
func parseIP(s string) (netip.Addr, bool) {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		s = s[1 : len(s)-1]
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}

// reachable evaluates text that must name one IP which others can reach.
func (l *loader) reachable(h Host, key, given string) (string, error) {
	s, err := l.ip(h, key, given)
	if err == nil && netip.MustParseAddr(s).IsUnspecified() {
		err = l.fault(key, "is %s, which nobody can reach: give the address others should use", s)
	}
	return s, err
}

// advertised works out the address that others use for this server.
func (l *loader) advertised(h Host) (string, error) {
	given := l.c.Given
	for _, g := range []struct{ key, value string }{
		{"advertise_addr", given.AdvertiseAddr},
		{"advertise_addr_ipv4", given.AdvertiseAddrIPv4},
		{"advertise_addr_ipv6", given.AdvertiseAddrIPv6},
	} {
		if g.value != "" {
			return l.reachable(h, g.key, g.value)
		}
	}
	bind := netip.MustParseAddr(l.c.BindAddr)
	if !bind.IsUnspecified() {
		return l.c.BindAddr, nil
	}
	what, fits := "private IPv4", func(a hostAddr) bool { return a.Addr().Is4() && a.private() }
	if bind.Is6() {
		what, fits = "public IPv6", func(a hostAddr) bool { return a.Addr().Is6() && a.public() }
	}
	addrs, err := h.choose(fits)
	if err != nil {
		return "", fmt.Errorf("list the host's addresses: %w", err)
	}
	switch len(addrs) {
	case 1:
		return addrs[0].Addr().String(), nil
	case 0:
		return "", l.fault("bind_addr", "is %s and this host has no %s address: name the one other servers reach with -advertise or -bind", bind, what)
	}
	texts, err := all(addrs, nil)
	if err != nil {
		return "", err
	}
	return "", l.fault("bind_addr", "is %s and this host has several %s addresses (%s): choose one with -advertise or -bind", bind, what, texts)
}

// tagAddresses fills TaggedAddresses; given ones are kept.
func (l *loader) tagAddresses(h Host) error {
	c := l.c
	c.TaggedAddresses = map[string]string{}
	for name, given := range c.Given.TaggedAddresses {
		c.TaggedAddresses[name] = given
	}
	for _, t := range []struct{ name, key, given string }{
		// Those of one family come first: they win over what follows from lan
		// and wan.
		{"lan_ipv4", "advertise_addr_ipv4", c.Given.AdvertiseAddrIPv4},
		{"lan_ipv6", "advertise_addr_ipv6", c.Given.AdvertiseAddrIPv6},
		{"wan_ipv4", "advertise_addr_wan_ipv4", c.Given.AdvertiseAddrWANIPv4},
		{"wan_ipv6", "advertise_addr_wan_ipv6", c.Given.AdvertiseAddrWANIPv6},
		{"lan", "advertise_addr", c.AdvertiseAddr},
		{"wan", "advertise_addr_wan", c.AdvertiseAddrWAN},
	} {
		if t.given == "" {
			continue
		}
		ip, err := l.reachable(h, t.key, t.given)
		if err != nil {
			return err
		}
		l.tag(t.name, ip)
		if t.name == "lan" || t.name == "wan" {
			family := "_ipv4"
			if netip.MustParseAddr(ip).Is6() {
				family = "_ipv6"
			}
			l.tag(t.name+family, ip)
		}
	}
	return nil
}

func (l *loader) tag(name, ip string) {
	if _, ok := l.c.TaggedAddresses[name]; !ok {
		l.c.TaggedAddresses[name] = ip
	}
}

// listen evaluates text that names IPs and unix sockets to listen on.
func (l *loader) listen(h Host, key, given string) ([]string, error) {
	s, err := h.expand(given)
	if err != nil {
		return nil, l.fault(key, "%w", err)
	}
	var addrs []string
	for _, one := range strings.Fields(s) {
		if path, ok := strings.CutPrefix(one, unixPrefix); ok {
			if path == "" {
				return nil, l.fault(key, "is %q: a path must follow, such as unix:///run/registryd.sock", one)
			}
			addrs = append(addrs, one)
			continue
		}
		a, ok := parseIP(one)
		if !ok {
			return nil, l.fault(key, "is %q: give IP addresses, such as 127.0.0.1, or unix:// and a path", clip(one))
		}
		addrs = append(addrs, a.String())
	}
	if len(addrs) == 0 {
		return nil, l.fault(key, "is empty: give an IP address, such as 127.0.0.1")
	}
	return addrs, nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
