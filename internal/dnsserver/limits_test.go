package dnsserver

import (
	"fmt"
	"slices"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// crowd is a catalog with a service "many" of n instances on as many nodes.
func crowd(t testing.TB, n int) *catalog {
	c := newCatalog(t)
	var cmds []store.Command
	for i := range n {
		cmds = append(cmds, &store.Register{
			Node: fmt.Sprintf("node-%d", i), Address: fmt.Sprintf("10.1.%d.%d", i/250, i%250+1), Datacenter: "dc1",
			Service: &api.Service{ID: "many", Service: "many", Port: 1000 + i%60000, Tags: []string{"all"}},
		})
	}
	c.apply(cmds...)
	return c
}

func TestSizes(t *testing.T) {
	c := crowd(t, 5000)
	c.add("solo", "10.2.0.1", api.Service{Service: "one", Port: 80}, api.Passing)
	c.apply(&store.Register{Node: "talker", Address: "10.2.0.2", Datacenter: "dc1", Meta: map[string]string{"a": string(make([]byte, 200)), "b": string(make([]byte, 200)), "c": string(make([]byte, 200))}})
	c.add("talker", "10.2.0.2", api.Service{Service: "talk", Port: 80}, api.Passing)
	for _, row := range []struct {
		how         via
		name        string
		qtype       uint16
		set         func(*Settings)
		least, most int // answers
		extra       int // records beside OPT; -1 means whatever
		cut         bool
	}{
		{via{}, "one", dns.TypeA, nil, 1, 1, 0, false},
		{via{}, "one", dns.TypeSRV, nil, 1, 1, 1, false},
		{via{}, "many", dns.TypeA, nil, 3, 3, 0, true},
		{via{}, "many", dns.TypeSRV, nil, 3, 3, 3, true},
		{via{}, "many", dns.TypeA, func(s *Settings) { s.UDPAnswerLimit = 5 }, 5, 5, 0, true},
		{via{}, "many", dns.TypeA, func(s *Settings) { s.UDPAnswerLimit = 100 }, 8, 8, 0, true},
		{via{}, "many", dns.TypeA, func(s *Settings) { s.UDPAnswerLimit = 0 }, 8, 8, 0, true},
		// 8 SRV would take up to 8 * 63 bytes counted without compression.
		{via{}, "many", dns.TypeSRV, func(s *Settings) { s.UDPAnswerLimit = 8 }, 6, 7, 0, true},
		{via{edns: 100}, "many", dns.TypeA, nil, 27, 29, 0, true},
		{via{edns: 512}, "many", dns.TypeA, nil, 27, 29, 0, true},
		{via{edns: 1232}, "many", dns.TypeA, nil, 70, 75, 0, true},
		{via{edns: 1232}, "many", dns.TypeSRV, nil, 20, 28, 0, true},
		{via{edns: 65535}, "many", dns.TypeA, nil, 4000, 4090, 0, true},
		{via{tcp: true}, "many", dns.TypeA, nil, 4080, 4096, 0, true},
		{via{tcp: true}, "many", dns.TypeSRV, nil, 1024, 1024, -1, true},
		{via{tcp: true}, "all.many", dns.TypeSRV, nil, 1024, 1024, -1, true},
		{via{tcp: true}, "many", dns.TypeA, func(s *Settings) { s.ARecordLimit = 2 }, 2, 2, 0, false},
		{via{}, "many", dns.TypeA, func(s *Settings) { s.ARecordLimit = 2 }, 2, 2, 0, false},
		{via{edns: 1232}, "many", dns.TypeA, func(s *Settings) { s.DisableCompression = true }, 30, 36, 0, true},
		// The additional section goes first, and its going is told.
		{via{}, "talk", dns.TypeSRV, nil, 1, 1, 2, true},
		{via{edns: 1232}, "talk", dns.TypeSRV, nil, 1, 1, 4, false},
	} {
		set := defaults()
		if row.set != nil {
			row.set(&set)
		}
		s := newServer(t, c, func(c *Config) { c.Settings = set })
		for _, slow := range []bool{false, true} {
			how := row.how
			how.slow = slow
			at := []any{"%s %s %+v", row.name, dns.TypeToString[row.qtype], how}
			m := ask(t, s, how, row.name+".service.consul", row.qtype)
			require.GreaterOrEqual(t, len(m.Answer), row.least, at...)
			require.LessOrEqual(t, len(m.Answer), row.most, at...)
			require.Equal(t, row.cut, m.Truncated, at...)
			if row.extra >= 0 {
				require.Len(t, lines(m.Extra), row.extra, at...)
			}
			require.Len(t, slices.Compact(lines(m.Answer)), len(m.Answer), at...)
			if opt := m.IsEdns0(); opt != nil {
				require.Equal(t, how.edns, opt.UDPSize(), at...)
			}
			// Whatever is added belongs to an answer that is there.
			targets := map[string]bool{}
			for _, rr := range m.Answer {
				if srv, ok := rr.(*dns.SRV); ok {
					targets[srv.Target] = true
				}
			}
			for _, rr := range m.Extra {
				require.True(t, rr.Header().Rrtype == dns.TypeOPT || targets[rr.Header().Name], at...)
			}
		}
	}
}

// TestFastAndGeneralAgree holds the two ways against each other.
func TestFastAndGeneralAgree(t *testing.T) {
	s := newServer(t, world(t), func(c *Config) { c.AltDomain = "x.consul" })
	many := newServer(t, crowd(t, 40))
	fast := 0
	for _, name := range []string{
		"web.service.consul", "wEb.sErvice.dC1.consul", "blue.web.service.x.consul", "_web._tcp.service.consul", "_web._v1.2.service.consul",
		"own.service.consul", "six.service.consul", "odd.service.x.consul", "named.service.consul", "down.service.consul", "n1.node.consul", "many.service.consul",
	} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeANY} {
			for _, how := range []via{{edns: 4096}, {tcp: true}} {
				srv := s
				if name == "many.service.consul" {
					srv = many
				}
				flags := func(m *dns.Msg) { m.CheckingDisabled, m.RecursionDesired = true, qtype == dns.TypeA }
				a := ask(t, srv, how, name, qtype, flags)
				how.slow = true
				b := ask(t, srv, how, name, qtype, flags)
				at := []any{"%s %s %+v", name, dns.TypeToString[qtype], how}
				require.ElementsMatch(t, lines(b.Answer), lines(a.Answer), at...)
				require.ElementsMatch(t, lines(b.Extra), lines(a.Extra), at...)
				require.Equal(t, b.Question, a.Question, at...)
				b.Id = a.Id
				require.Equal(t, b.MsgHdr, a.MsgHdr, at...)
				q, err := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype).Pack()
				require.NoError(t, err)
				if srv.fast(q, how.tcp, newScratch()) != nil {
					fast++
				}
			}
		}
	}
	require.Greater(t, fast, 20, "the fast way is not taken")
}

func TestAnswersAreShuffledEvenly(t *testing.T) {
	const instances, rounds = 10, 3000
	s := newServer(t, crowd(t, instances))
	for _, slow := range []bool{false, true} {
		first := map[string]int{}
		for range rounds {
			m := ask(t, s, via{slow: slow}, "many.service.consul", dns.TypeA)
			first[m.Answer[0].(*dns.A).A.String()]++
		}
		require.Len(t, first, instances)
		chi := 0.0
		for _, n := range first {
			d := float64(n) - rounds/instances
			chi += d * d / (rounds / instances)
		}
		require.Less(t, chi, 40.0) // 9 degrees of freedom: beyond 40 once in a hundred thousand
	}
}
