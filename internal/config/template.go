package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"text/template"
)

// expand evaluates the {{ templates }} in an address. They are those of
// go-sockaddr that configurations are seen to use: GetPrivateIP, GetPublicIP,
// GetInterfaceIP and their plurals, and pipelines from GetAllInterfaces,
// GetPrivateInterfaces, GetPublicInterfaces or GetDefaultInterfaces through
// include, exclude and limit to attr or join.
func (h Host) expand(s string) (string, error) {
	if !strings.Contains(s, "{{") {
		return s, nil
	}
	t, err := template.New("address").Funcs(h.functions()).Parse(s)
	if err != nil {
		return "", fmt.Errorf("has a template that cannot be read: %s", strings.TrimPrefix(oneLine(err.Error()), "template: "))
	}
	var out strings.Builder
	if err := t.Execute(&out, nil); err != nil {
		return "", fmt.Errorf("has a template that cannot be evaluated: %s", strings.TrimPrefix(oneLine(err.Error()), "template: "))
	}
	return out.String(), nil
}

func (h Host) functions() template.FuncMap {
	private := hostAddr.private
	public := hostAddr.public
	onDefault := func(a hostAddr) bool { return a.on.Default }
	any := func(hostAddr) bool { return true }
	return template.FuncMap{
		"GetPrivateIP":    func() (string, error) { return first(h.choose(private)) },
		"GetPrivateIPs":   func() (string, error) { return all(h.choose(private)) },
		"GetPublicIP":     func() (string, error) { return first(h.choose(public)) },
		"GetPublicIPs":    func() (string, error) { return all(h.choose(public)) },
		"GetInterfaceIP":  func(name string) (string, error) { return first(h.choose(on(name))) },
		"GetInterfaceIPs": func(name string) (string, error) { return all(h.choose(on(name))) },

		"GetAllInterfaces":     func() ([]hostAddr, error) { return h.choose(any) },
		"GetDefaultInterfaces": func() ([]hostAddr, error) { return h.choose(onDefault) },
		"GetPrivateInterfaces": func() ([]hostAddr, error) { return h.choose(private) },
		"GetPublicInterfaces":  func() ([]hostAddr, error) { return h.choose(public) },

		"include": func(by, what string, in []hostAddr) ([]hostAddr, error) { return filter(by, what, in, true) },
		"exclude": func(by, what string, in []hostAddr) ([]hostAddr, error) { return filter(by, what, in, false) },
		"limit":   func(n int, in []hostAddr) []hostAddr { return in[:min(max(n, 0), len(in))] },
		"attr":    func(name string, in []hostAddr) (string, error) { return attr(name, in, first) },
		"join": func(name, separator string, in []hostAddr) (string, error) {
			s, err := attr(name, in, all)
			return strings.ReplaceAll(s, " ", separator), err
		},
	}
}

// choose lists the addresses that fit, those on the interface with the default
// route first, IPv4 before IPv6.
func (h Host) choose(fits func(hostAddr) bool) ([]hostAddr, error) {
	addrs, err := h.addrs()
	if err != nil {
		return nil, err
	}
	addrs = slices.DeleteFunc(addrs, func(a hostAddr) bool { return !fits(a) })
	rank := func(a hostAddr) int {
		r := 0
		if !a.on.Default {
			r += 2
		}
		if !a.Addr().Is4() {
			r++
		}
		return r
	}
	slices.SortStableFunc(addrs, func(a, b hostAddr) int { return rank(a) - rank(b) })
	return addrs, nil
}

func on(name string) func(hostAddr) bool {
	return func(a hostAddr) bool { return a.on.Name == name }
}

func first(addrs []hostAddr, err error) (string, error) {
	if err == nil && len(addrs) == 0 {
		err = fmt.Errorf("this host has no such address")
	}
	if err != nil {
		return "", err
	}
	return addrs[0].Addr().String(), nil
}

// all returns the addresses with spaces between them.
func all(addrs []hostAddr, err error) (string, error) {
	if _, err := first(addrs, err); err != nil {
		return "", err
	}
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.Addr().String()
	}
	return strings.Join(texts, " "), nil
}

func attr(name string, in []hostAddr, pick func([]hostAddr, error) (string, error)) (string, error) {
	if name != "address" {
		return "", fmt.Errorf("attribute %q is not known here: use \"address\"", name)
	}
	return pick(in, nil)
}

func filter(by, what string, in []hostAddr, keep bool) ([]hostAddr, error) {
	var fits func(hostAddr) bool
	switch by {
	case "name":
		fits = on(what)
	case "network":
		p, err := netip.ParsePrefix(what)
		if err != nil {
			return nil, fmt.Errorf("network %q must be like 10.0.0.0/8", what)
		}
		fits = func(a hostAddr) bool { return p.Contains(a.Addr()) }
	case "type":
		fits = func(a hostAddr) bool {
			return what == "IP" || what == "IPv4" && a.Addr().Is4() || what == "IPv6" && a.Addr().Is6()
		}
	default:
		return nil, fmt.Errorf("selecting by %q is not known here: use name, network or type", by)
	}
	return slices.DeleteFunc(slices.Clone(in), func(a hostAddr) bool { return fits(a) != keep }), nil
}
