package dnsserver

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
)

// upstream is a DNS server that answers with f, UDP and TCP on one port.
func upstream(t *testing.T, f func(m *dns.Msg)) string {
	t.Helper()
	for range 20 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err != nil {
			tcp.Close()
			continue
		}
		h := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg).SetReply(q)
			if q.IsEdns0() != nil {
				m.SetEdns0(4096, false)
			}
			f(m)
			w.WriteMsg(m)
		})
		for _, srv := range []*dns.Server{{Listener: tcp, Handler: h}, {PacketConn: udp, Handler: h}} {
			started := make(chan struct{})
			srv.NotifyStartedFunc = func() { close(started) }
			go srv.ActivateAndServe()
			<-started
			t.Cleanup(func() { srv.Shutdown() })
		}
		return tcp.Addr().String()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return ""
}

// silent is a socket that takes questions and never answers.
func silent(t *testing.T) string {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c.LocalAddr().String()
}

func TestRecursors(t *testing.T) {
	good := upstream(t, func(m *dns.Msg) {
		m.RecursionAvailable = true
		if m.Question[0].Name == "none.example." {
			m.Rcode = dns.RcodeNameError
			return
		}
		if rr := addressRecord(m.Question[0].Name, newPlace("198.51.100.7").ip, m.Question[0].Qtype, 60); rr != nil {
			m.Answer = append(m.Answer, rr)
		}
	})
	bad := upstream(t, func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure })
	other := upstream(t, func(m *dns.Msg) { m.Question[0].Name = "another.question." })
	for _, row := range []struct {
		recursors []string
		name      string
		rcode     int
		answers   int
	}{
		{[]string{good}, "www.example.com.", 0, 1},
		{[]string{bad, good}, "WWW.example.com.", 0, 1},
		{[]string{silent(t), good}, "www.example.com.", 0, 1},
		{[]string{other, good}, "www.example.com.", 0, 1},
		{[]string{good, bad}, "none.example.", 3, 0},
		{[]string{bad, bad}, "www.example.com.", 2, 0},
		{[]string{good}, "1.2.3.4.in-addr.arpa.", 0, 1},
		{[]string{good}, "outside.service.consul.", 0, 2},
		{[]string{bad}, "outside.service.consul.", 0, 1},
	} {
		for _, strategy := range []string{"", "random"} {
			for _, how := range []via{{}, {edns: 1232}, {tcp: true}} {
				s := newServer(t, world(t), func(c *Config) {
					c.Recursors = row.recursors
					c.Settings.RecursorTimeout = 50 * time.Millisecond
					c.Settings.RecursorStrategy = strategy
				})
				m := ask(t, s, how, row.name, dns.TypeA)
				for tries := 0; tries < 20 && (m.Rcode != row.rcode || len(m.Answer) != row.answers); tries++ {
					m = ask(t, s, how, row.name, dns.TypeA) // an upstream under load may miss the timeout
				}
				require.Equal(t, row.rcode, m.Rcode, "%+v", row)
				require.Len(t, m.Answer, row.answers, "%+v", row)
				require.True(t, m.RecursionAvailable)
				require.Equal(t, row.name, m.Question[0].Name)
			}
		}
	}
}

func TestCloseGivesUpOnRecursors(t *testing.T) {
	s := newServer(t, world(t), func(c *Config) {
		c.Recursors = []string{silent(t)}
		c.Settings.RecursorTimeout = time.Hour
	})
	addr := listen(t, s)
	conn, err := dns.Dial("udp", addr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.WriteMsg(new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA)))
	require.Eventually(t, func() bool { return len(s.remote) == 1 }, 5*time.Second, time.Millisecond)
	// Our own names are answered all the same.
	_, _, err = new(dns.Client).Exchange(new(dns.Msg).SetQuestion("n1.node.consul.", dns.TypeA), addr)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestFreshness(t *testing.T) {
	var asked atomic.Int32
	var behind time.Duration
	var refuse error
	c := world(t)
	s := newServer(t, c, func(cfg *Config) {
		cfg.Staleness = func() time.Duration { return behind }
		cfg.Fresh = func(context.Context) error { asked.Add(1); return refuse }
	})
	for _, row := range []struct {
		stale  bool
		behind time.Duration
		refuse error
		asked  bool
		rcode  int
	}{
		{true, time.Minute, nil, false, 0},
		{true, 2 * time.Hour, nil, true, 0},
		{true, 2 * time.Hour, errors.New("no leader"), true, 2},
		{false, 0, nil, true, 0},
		{false, 0, errors.New("no leader"), true, 2},
	} {
		set := defaults()
		set.AllowStale = row.stale
		s.SetConfig(set)
		behind, refuse = row.behind, row.refuse
		for _, name := range []string{"web.service.consul.", "n1.node.consul.", "1.0.0.10.in-addr.arpa."} {
			asked.Store(0)
			m := ask(t, s, via{}, name, dns.TypeANY)
			require.Equal(t, row.rcode, m.Rcode, "%s %+v", name, row)
			require.Equal(t, row.asked, asked.Load() > 0, "%s %+v", name, row)
		}
		require.Equal(t, row.rcode, ask(t, s, via{}, "web.service.consul", dns.TypeA).Rcode)
	}
}
