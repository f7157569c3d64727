package dnsserver

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// world is the catalog that the rows are about.
func world(t testing.TB) *catalog {
	c := newCatalog(t)
	c.apply(
		&store.Register{Node: "n1", Address: "10.0.0.1", Datacenter: "dc1", Meta: map[string]string{"rack": "r1", "rfc1035-note": "v=1"}},
		&store.Register{Node: "n2", Address: "10.0.0.2", Datacenter: "dc1"},
		&store.Register{Node: "n6", Address: "2001:db8::6", Datacenter: "dc1"},
		&store.Register{Node: "dotted.name", Address: "10.0.0.9", Datacenter: "dc1"},
		&store.Register{Node: "odd node", Address: "10.0.0.10", Datacenter: "dc1"},
		&store.Register{Node: "external", Address: "www.example.com", Datacenter: "dc1"},
		&store.Register{Node: "chain", Address: "n1.node.consul", Datacenter: "dc1"},
		&store.Register{Node: "loop", Address: "loop.node.consul", Datacenter: "dc1"},
	)
	c.add("n1", "10.0.0.1", api.Service{Service: "consul", Port: 8300}, api.Passing)
	c.add("n1", "10.0.0.1", api.Service{Service: "web", Port: 80, Tags: []string{"Blue", "v1.2"}, Weights: &api.Weights{Passing: 7, Warning: 2}}, api.Passing)
	c.add("n2", "10.0.0.2", api.Service{Service: "web", Port: 81, Tags: []string{"green"}, Weights: &api.Weights{Passing: 7, Warning: 2}}, api.Warning)
	c.add("n6", "2001:db8::6", api.Service{Service: "web", Port: 82}, api.Critical)
	c.add("n1", "10.0.0.1", api.Service{Service: "own", Port: 90, Address: "192.0.2.9"}, api.Passing)
	c.add("n6", "2001:db8::6", api.Service{Service: "six", Port: 91}, api.Passing)
	c.add("n1", "10.0.0.1", api.Service{Service: "down", Port: 92}, api.Critical)
	c.add("n1", "10.0.0.1", api.Service{Service: "named", Port: 93, Address: "n2.node.consul"}, api.Passing)
	c.add("external", "www.example.com", api.Service{Service: "outside", Port: 443}, api.Passing)
	c.add("n1", "10.0.0.1", api.Service{Service: "self", Port: 94, Address: "self.service.consul"}, api.Passing)
	c.add("odd node", "10.0.0.10", api.Service{Service: "odd", Port: 95}, api.Passing)
	return c
}

func TestQuestions(t *testing.T) {
	const soa = "consul. 5 IN SOA ns.consul. hostmaster.consul. 0 3600 600 86400 5"
	s := newServer(t, world(t), func(c *Config) {
		c.AltDomain = "alt.example."
		c.Settings.SOA.MinTTL = 5
		c.Settings.NodeTTL = 30 * time.Second
		c.Settings.ServiceTTL = map[string]time.Duration{"web": 10 * time.Second, "o*": 20 * time.Second}
	})
	const (
		n1    = "n1.node.dc1.consul. 10 IN A 10.0.0.1"
		n2    = "n2.node.dc1.consul. 10 IN A 10.0.0.2"
		meta1 = `n1.node.dc1.consul. 10 IN TXT "rack=r1"`
		meta2 = `n1.node.dc1.consul. 10 IN TXT "v=1"`
	)
	for _, row := range []struct {
		name   string
		qtype  uint16
		rcode  int
		answer []string
		ns     []string
		extra  []string
	}{
		// Services.
		{"web.service.consul", dns.TypeA, 0, []string{"web.service.consul. 10 IN A 10.0.0.1", "web.service.consul. 10 IN A 10.0.0.2"}, nil, nil},
		{"WEB.Service.dc1.CONSUL", dns.TypeA, 0, []string{"WEB.Service.dc1.CONSUL. 10 IN A 10.0.0.1", "WEB.Service.dc1.CONSUL. 10 IN A 10.0.0.2"}, nil, nil},
		{"web.service.dc1.dc.consul", dns.TypeANY, 0, []string{"web.service.dc1.dc.consul. 10 IN A 10.0.0.1", "web.service.dc1.dc.consul. 10 IN A 10.0.0.2"}, nil, nil},
		{"web.service.consul", dns.TypeTXT, 0, []string{"web.service.consul. 10 IN A 10.0.0.1", "web.service.consul. 10 IN A 10.0.0.2"}, nil, nil},
		{"blue.web.service.consul", dns.TypeA, 0, []string{"blue.web.service.consul. 10 IN A 10.0.0.1"}, nil, nil},
		{"v1.2.web.service.consul", dns.TypeA, 0, []string{"v1.2.web.service.consul. 10 IN A 10.0.0.1"}, nil, nil},
		{"six.service.consul", dns.TypeAAAA, 0, []string{"six.service.consul. 0 IN AAAA 2001:db8::6"}, nil, nil},
		{"own.service.consul", dns.TypeA, 0, []string{"own.service.consul. 20 IN A 192.0.2.9"}, nil, nil},
		{"self.service.consul", dns.TypeA, 0, []string{"self.service.consul. 0 IN A 10.0.0.1"}, nil, nil},
		// SRV.
		{"web.service.consul", dns.TypeSRV, 0, []string{
			"web.service.consul. 10 IN SRV 1 2 81 n2.node.dc1.consul.", "web.service.consul. 10 IN SRV 1 7 80 n1.node.dc1.consul."}, nil, []string{n1, meta1, meta2, n2}},
		{"_web._green.service.consul", dns.TypeSRV, 0, []string{"_web._green.service.consul. 10 IN SRV 1 2 81 n2.node.dc1.consul."}, nil, []string{n2}},
		{"_web._tcp.dc1.consul", dns.TypeSRV, 0, []string{
			"_web._tcp.dc1.consul. 10 IN SRV 1 2 81 n2.node.dc1.consul.", "_web._tcp.dc1.consul. 10 IN SRV 1 7 80 n1.node.dc1.consul."}, nil, []string{n1, meta1, meta2, n2}},
		{"_web._green.consul", dns.TypeSRV, 0, []string{"_web._green.consul. 10 IN SRV 1 2 81 n2.node.dc1.consul."}, nil, []string{n2}},
		{"_own._tcp.service.consul", dns.TypeSRV, 0, []string{"_own._tcp.service.consul. 20 IN SRV 1 1 90 c0000209.addr.dc1.consul."}, nil, []string{
			"c0000209.addr.dc1.consul. 20 IN A 192.0.2.9", `n1.node.dc1.consul. 20 IN TXT "rack=r1"`, `n1.node.dc1.consul. 20 IN TXT "v=1"`}},
		{"_web._green.service.alt.example", dns.TypeSRV, 0, []string{"_web._green.service.alt.example. 10 IN SRV 1 2 81 n2.node.dc1.alt.example."}, nil, []string{"n2.node.dc1.alt.example. 10 IN A 10.0.0.2"}},
		{"_odd._tcp.service.consul", dns.TypeSRV, 0, []string{`_odd._tcp.service.consul. 20 IN SRV 1 1 95 odd\ node.node.dc1.consul.`}, nil, []string{`odd\ node.node.dc1.consul. 20 IN A 10.0.0.10`}},
		{"_named._tcp.service.consul", dns.TypeSRV, 0, []string{"_named._tcp.service.consul. 0 IN SRV 1 1 93 n2.node.consul."}, nil, []string{
			"n2.node.consul. 0 IN A 10.0.0.2", `n1.node.dc1.consul. 0 IN TXT "rack=r1"`, `n1.node.dc1.consul. 0 IN TXT "v=1"`}},
		{"_outside._tcp.service.consul", dns.TypeSRV, 0, []string{"_outside._tcp.service.consul. 20 IN SRV 1 1 443 www.example.com."}, nil, nil},
		// Names that lead to names.
		{"named.service.consul", dns.TypeA, 0, []string{"named.service.consul. 0 IN CNAME n2.node.consul.", "n2.node.consul. 0 IN A 10.0.0.2"}, nil, nil},
		{"outside.service.consul", dns.TypeA, 0, []string{"outside.service.consul. 20 IN CNAME www.example.com."}, nil, nil},
		{"chain.node.consul", dns.TypeA, 0, []string{"chain.node.consul. 30 IN CNAME n1.node.consul.", "n1.node.consul. 30 IN A 10.0.0.1"}, nil, nil},
		{"loop.node.consul", dns.TypeA, 0, []string{"loop.node.consul. 30 IN CNAME loop.node.consul."}, nil, nil},
		// Services that have nothing to show.
		{"web.service.consul", dns.TypeAAAA, 0, nil, []string{soa}, nil},
		{"web.service.consul", dns.TypeMX, 0, nil, []string{soa}, nil},
		{"web.service.consul", dns.TypeSOA, 0, nil, []string{soa}, nil},
		{"down.service.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"none.service.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"red.web.service.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"web.service.dc2.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"web.service.a.b.c.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"web.service.dc1.peer.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"service.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"web.connect.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"web.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"none.service.alt.example", dns.TypeA, 3, nil, []string{"alt.example. 5 IN SOA ns.alt.example. hostmaster.alt.example. 0 3600 600 86400 5"}, nil},
		// Nodes.
		{"n2.node.consul", dns.TypeA, 0, []string{"n2.node.consul. 30 IN A 10.0.0.2"}, nil, nil},
		{"N1.node.dc1.consul", dns.TypeA, 0, []string{"N1.node.dc1.consul. 30 IN A 10.0.0.1"}, nil, []string{`N1.node.dc1.consul. 30 IN TXT "rack=r1"`, `N1.node.dc1.consul. 30 IN TXT "v=1"`}},
		{"n1.node.consul", dns.TypeTXT, 0, []string{`n1.node.consul. 30 IN TXT "rack=r1"`, `n1.node.consul. 30 IN TXT "v=1"`}, nil, nil},
		{"n1.node.consul", dns.TypeANY, 0, []string{"n1.node.consul. 30 IN A 10.0.0.1", `n1.node.consul. 30 IN TXT "rack=r1"`, `n1.node.consul. 30 IN TXT "v=1"`}, nil, nil},
		{"n6.node.consul", dns.TypeAAAA, 0, []string{"n6.node.consul. 30 IN AAAA 2001:db8::6"}, nil, nil},
		{"dotted.name.node.consul", dns.TypeA, 0, []string{"dotted.name.node.consul. 30 IN A 10.0.0.9"}, nil, nil},
		{`odd\032node.node.consul`, dns.TypeA, 0, []string{`odd\ node.node.consul. 30 IN A 10.0.0.10`}, nil, nil},
		{"n2.node.consul", dns.TypeAAAA, 0, nil, nil, nil},
		{"n2.node.consul", dns.TypeSRV, 0, nil, nil, nil},
		{"none.node.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"none.node.consul", dns.TypeSRV, 3, nil, []string{soa}, nil},
		// Addresses.
		{"0a000001.addr.consul", dns.TypeA, 0, []string{"0a000001.addr.consul. 30 IN A 10.0.0.1"}, nil, nil},
		{"20010DB8000000000000000000000006.addr.dc1.consul", dns.TypeAAAA, 0, []string{"20010DB8000000000000000000000006.addr.dc1.consul. 30 IN AAAA 2001:db8::6"}, nil, nil},
		{"0a000001.addr.consul", dns.TypeAAAA, 0, nil, []string{soa}, nil},
		{"0a0000.addr.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"0a00000g.addr.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		{"x.0a000001.addr.consul", dns.TypeA, 3, nil, []string{soa}, nil},
		// Reverse.
		{"1.0.0.10.in-addr.arpa", dns.TypePTR, 0, []string{"1.0.0.10.in-addr.arpa. 0 IN PTR n1.node.dc1.consul."}, nil, nil},
		{"9.2.0.192.in-addr.arpa", dns.TypePTR, 0, []string{"9.2.0.192.in-addr.arpa. 0 IN PTR own.service.dc1.consul."}, nil, nil},
		{"6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", dns.TypePTR, 0, []string{"6.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 0 IN PTR n6.node.dc1.consul."}, nil, nil},
		{"77.0.0.10.in-addr.arpa", dns.TypePTR, 2, nil, nil, nil},
		{"0.10.in-addr.arpa", dns.TypePTR, 2, nil, nil, nil},
		// The domain itself, and what is outside.
		{"consul", dns.TypeSOA, 0, []string{soa}, []string{"consul. 30 IN NS n1.node.dc1.consul."}, []string{"n1.node.dc1.consul. 30 IN A 10.0.0.1"}},
		{"consul", dns.TypeNS, 0, []string{"consul. 30 IN NS n1.node.dc1.consul."}, nil, []string{"n1.node.dc1.consul. 30 IN A 10.0.0.1"}},
		{"web.service.consul", dns.TypeAXFR, 4, nil, nil, nil},
		{"www.example.com", dns.TypeA, 5, nil, nil, nil},
		{"notconsul", dns.TypeA, 5, nil, nil, nil},
		{".", dns.TypeNS, 5, nil, nil, nil},
	} {
		for _, how := range []via{{}, {edns: 1232}, {tcp: true}, {slow: true}} {
			m := ask(t, s, how, row.name, row.qtype)
			at := []any{"%s %s %+v", row.name, dns.TypeToString[row.qtype], how}
			require.Equal(t, row.rcode, m.Rcode, at...)
			require.ElementsMatch(t, row.answer, lines(m.Answer), at...)
			require.ElementsMatch(t, row.ns, lines(m.Ns), at...)
			require.ElementsMatch(t, row.extra, lines(m.Extra), at...)
			require.False(t, m.Truncated, at...)
			require.False(t, m.RecursionAvailable, at...)
			require.Equal(t, row.rcode != 5 && !(row.rcode == 2), m.Authoritative, at...)
			require.Equal(t, dns.Fqdn(row.name), unspace(m.Question[0].Name), at...)
		}
	}
}

// unspace undoes the library's way to write a space.
func unspace(s string) string {
	out := ""
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && s[i+1] == ' ' {
			out += `\032`
			i++
			continue
		}
		out += string(s[i])
	}
	return out
}

func TestOnlyPassing(t *testing.T) {
	s := newServer(t, world(t))
	require.Len(t, ask(t, s, via{}, "web.service.consul", dns.TypeA).Answer, 2)
	set := defaults()
	set.OnlyPassing = true
	s.SetConfig(set) // what is kept for the view must not outlive the settings
	for _, slow := range []bool{false, true} {
		m := ask(t, s, via{slow: slow}, "web.service.consul", dns.TypeA)
		require.Equal(t, []string{"web.service.consul. 0 IN A 10.0.0.1"}, lines(m.Answer))
		require.Equal(t, dns.RcodeNameError, ask(t, s, via{slow: slow}, "green.web.service.consul", dns.TypeA).Rcode)
	}
}

func TestChangesShowAtOnce(t *testing.T) {
	c := world(t)
	s := newServer(t, c)
	require.Len(t, ask(t, s, via{}, "web.service.consul", dns.TypeA).Answer, 2)
	c.apply(&store.UpdateChecks{Updates: []store.CheckUpdate{{Node: "n1", CheckID: "c-web", Status: api.Critical}}})
	require.Equal(t, []string{"web.service.consul. 0 IN A 10.0.0.2"}, lines(ask(t, s, via{}, "web.service.consul", dns.TypeA).Answer))
	require.Equal(t, dns.RcodeNameError, ask(t, s, via{}, "blue.web.service.consul", dns.TypeA).Rcode)
	c.apply(&store.Deregister{Node: "n2"}, &store.Deregister{Node: "n6"})
	require.Equal(t, dns.RcodeNameError, ask(t, s, via{}, "web.service.consul", dns.TypeA).Rcode)
	require.Equal(t, dns.RcodeServerFailure, ask(t, s, via{}, "2.0.0.10.in-addr.arpa", dns.TypePTR).Rcode)
	require.Len(t, ask(t, s, via{}, "9.2.0.192.in-addr.arpa", dns.TypePTR).Answer, 1)
	c.apply(&store.Deregister{Node: "n1", ServiceID: "own"})
	require.Equal(t, dns.RcodeServerFailure, ask(t, s, via{}, "9.2.0.192.in-addr.arpa", dns.TypePTR).Rcode)
}

func TestPreparedQueries(t *testing.T) {
	c := world(t)
	var from netip.Addr
	s := newServer(t, c, func(cfg *Config) {
		cfg.Settings.ServiceTTL = map[string]time.Duration{"*": 9 * time.Second}
		cfg.Queries = queryFunc(func(name string, a netip.Addr) (QueryResult, error) {
			from = a
			v, _ := c.State().Service("web")
			switch name {
			case "plain", "a.b":
				return QueryResult{Service: "web", Instances: v.Instances[:2]}, nil
			case "near":
				return QueryResult{Service: "web", Instances: v.Instances[:1], TTL: 3 * time.Second, HasTTL: true, UsedAddress: true}, nil
			case "empty":
				return QueryResult{Service: "web"}, nil
			case "broken":
				return QueryResult{}, api.E(api.NoLeader, "no leader")
			}
			return QueryResult{}, api.E(api.NotFound, "no such query")
		})
	})
	for _, row := range []struct {
		name   string
		qtype  uint16
		rcode  int
		answer []string
	}{
		{"plain.query.consul", dns.TypeA, 0, []string{"plain.query.consul. 9 IN A 10.0.0.1", "plain.query.consul. 9 IN A 10.0.0.2"}},
		{"a.b.query.dc1.consul", dns.TypeA, 0, []string{"a.b.query.dc1.consul. 9 IN A 10.0.0.1", "a.b.query.dc1.consul. 9 IN A 10.0.0.2"}},
		{"_near._tcp.query.consul", dns.TypeSRV, 0, []string{"_near._tcp.query.consul. 3 IN SRV 1 7 80 n1.node.dc1.consul."}},
		{"empty.query.consul", dns.TypeA, 3, nil},
		{"unknown.query.consul", dns.TypeA, 3, nil},
		{"query.consul", dns.TypeA, 3, nil},
		{"broken.query.consul", dns.TypeA, 2, nil},
	} {
		m := ask(t, s, via{}, row.name, row.qtype)
		require.Equal(t, row.rcode, m.Rcode, row.name)
		require.ElementsMatch(t, row.answer, lines(m.Answer), row.name)
	}
	require.Equal(t, client, from)

	subnet := func(m *dns.Msg) {
		opt := m.IsEdns0()
		opt.Option = append(opt.Option, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: netip.MustParseAddr("203.0.113.0").AsSlice()})
	}
	for name, scope := range map[string]uint8{"near.query.consul": 24, "plain.query.consul": 0, "web.service.consul": 0} {
		m := ask(t, s, via{edns: 1232}, name, dns.TypeA, subnet)
		echo := subnetOf(m.IsEdns0())
		require.NotNil(t, echo, name)
		require.Equal(t, scope, echo.SourceScope, name)
		require.EqualValues(t, 24, echo.SourceNetmask, name)
		require.Equal(t, "203.0.113.0", echo.Address.String(), name)
	}
	require.Equal(t, "203.0.113.0", from.String())
}
