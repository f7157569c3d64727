package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAdvertisedAddress(t *testing.T) {
	eth := Interface{Name: "eth0", Default: true, Addrs: cidrs("10.0.0.5/24", "fe80::1/64", "2001:db8::5/64")}
	docker := Interface{Name: "docker0", Addrs: cidrs("172.17.0.1/16")}
	public := Interface{Name: "wan0", Addrs: cidrs("203.0.113.7/24")}
	for _, c := range []struct {
		name string
		up   []Interface
		text string
		want string
		err  string
	}{
		{"the one private address", []Interface{eth, public}, "", "10.0.0.5", ""},
		{"several", []Interface{eth, docker}, "", "", "several private IPv4 addresses (10.0.0.5 172.17.0.1): choose one with -advertise or -bind"},
		{"none", []Interface{public}, "", "", "has no private IPv4 address"},
		{"several, one given", []Interface{eth, docker}, `advertise_addr = "172.17.0.1"`, "172.17.0.1", ""},
		{"bound", []Interface{eth, docker}, `bind_addr = "10.0.0.5"`, "10.0.0.5", ""},
		{"IPv6", []Interface{eth}, `bind_addr = "::"`, "2001:db8::5", ""},
		{"IPv6 in brackets", nil, `bind_addr = "[fd00::1]"`, "fd00::1", ""},
		{"IPv4 in IPv6", nil, `bind_addr = "::ffff:10.0.0.9"`, "10.0.0.9", ""},
		{"IPv4 only given", []Interface{eth, docker}, `advertise_addr_ipv4 = "10.0.0.6"`, "10.0.0.6", ""},
		{"unreachable", nil, `advertise_addr = "0.0.0.0"`, "", "-hcl:1: advertise_addr is 0.0.0.0, which nobody can reach"},
		{"a name", nil, `bind_addr = "localhost"`, "", `-hcl:1: bind_addr is "localhost": give one IP address`},
		{"a template", []Interface{eth, docker}, `bind_addr = "{{ GetInterfaceIP \"docker0\" }}"`, "172.17.0.1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, err := Load(Sources{
				Host:      hostWith(c.up...),
				Settings:  []Setting{{"data_dir", "/nonexistent/x", "-data-dir"}},
				Fragments: []string{c.text},
			})
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, cfg.AdvertiseAddr)
			require.Equal(t, c.want, cfg.TaggedAddresses["lan"])
		})
	}
}

func TestClientAddresses(t *testing.T) {
	for _, c := range []struct {
		text      string
		http, dns []string
		err       string
	}{
		{`client_addr = "127.0.0.1 10.0.0.5"`, []string{"127.0.0.1:8500", "10.0.0.5:8500"}, []string{"127.0.0.1:8600", "10.0.0.5:8600"}, ""},
		{`client_addr = "::1"`, []string{"[::1]:8500"}, []string{"[::1]:8600"}, ""},
		{`client_addr = "127.0.0.1 unix:///run/r.sock"`, []string{"127.0.0.1:8500", "unix:///run/r.sock"}, []string{"127.0.0.1:8600"}, ""},
		{`addresses { http = "unix:///run/r.sock" }`, []string{"unix:///run/r.sock"}, []string{"127.0.0.1:8600"}, ""},
		{`client_addr = "127.0.0.1 {{ GetPrivateIP }}"`, []string{"127.0.0.1:8500", "10.0.0.5:8500"}, []string{"127.0.0.1:8600", "10.0.0.5:8600"}, ""},
		{`ports { http = -1, dns = -1 }`, nil, nil, ""},
		{`addresses { dns = "unix:///run/r.sock" }`, nil, nil, "DNS needs an IP address"},
		{`client_addr = "unix://"`, nil, nil, "a path must follow"},
		{`client_addr = " "`, nil, nil, "is empty"},
		{`client_addr = "here"`, nil, nil, `is "here": give IP addresses`},
		{`client_addr = "{{ GetNothing }}"`, nil, nil, `function "GetNothing" not defined`},
	} {
		t.Run(c.text, func(t *testing.T) {
			cfg, err := loadHCL(t, c.text)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.http, cfg.HTTPAddrs())
			require.Equal(t, c.dns, cfg.DNSAddrs())
		})
	}
}

func TestTemplates(t *testing.T) {
	h := hostWith(
		Interface{Name: "docker0", Addrs: cidrs("172.17.0.1/16")},
		Interface{Name: "eth0", Default: true, Addrs: cidrs("fd00::5/64", "10.0.0.5/24", "203.0.113.7/24", "fe80::1/64")},
	)
	for _, c := range []struct{ text, want, err string }{
		{`10.0.0.1`, "10.0.0.1", ""},
		{`{{ GetPrivateIP }}`, "10.0.0.5", ""},
		{`{{ GetPrivateIPs }}`, "10.0.0.5 fd00::5 172.17.0.1", ""},
		{`{{ GetPublicIP }}`, "203.0.113.7", ""},
		{`{{ GetPublicIPs }}`, "203.0.113.7", ""},
		{`{{ GetInterfaceIP "docker0" }}`, "172.17.0.1", ""},
		{`{{ GetInterfaceIPs "eth0" }}`, "10.0.0.5 203.0.113.7 fd00::5", ""},
		{`{{ GetAllInterfaces | include "network" "172.16.0.0/12" | attr "address" }}`, "172.17.0.1", ""},
		{`{{ GetPrivateInterfaces | exclude "name" "eth0" | join "address" "," }}`, "172.17.0.1", ""},
		{`{{ GetDefaultInterfaces | include "type" "IPv6" | limit 1 | attr "address" }}`, "fd00::5", ""},
		{`{{ GetPublicInterfaces | join "address" " " }}`, "203.0.113.7", ""},
		{`{{ GetInterfaceIP "eth9" }}`, "", "this host has no such address"},
		{`{{ GetInterfaceIP }}`, "", "wrong number of args"},
		{`{{ GetPrivateInterfaces | attr "mask" }}`, "", `attribute "mask" is not known`},
		{`{{ GetAllInterfaces | include "rfc" "1918" | attr "address" }}`, "", `selecting by "rfc" is not known`},
		{`{{ GetAllInterfaces | include "network" "x" | attr "address" }}`, "", `network "x" must be like 10.0.0.0/8`},
		{`{{ `, "", "template that cannot be read"},
	} {
		got, err := h.expand(c.text)
		if c.err != "" {
			require.ErrorContains(t, err, c.err, c.text)
			require.NotContains(t, err.Error(), "\n")
			continue
		}
		require.NoError(t, err, c.text)
		require.Equal(t, c.want, got, c.text)
	}
}

func TestThisHost(t *testing.T) {
	h := ThisHost()
	name, err := h.Name()
	require.NoError(t, err)
	require.NotEmpty(t, name)
	addrs, err := h.choose(func(a hostAddr) bool { return a.on.Loopback })
	require.NoError(t, err)
	require.NotEmpty(t, addrs)
}

func TestDefaultInterface(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "route", "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n"+
		"docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\n"+
		"eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\n")
	require.Equal(t, "eth0", defaultInterface(path))
	require.Empty(t, defaultInterface(dir+"/missing"))
}
