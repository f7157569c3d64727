package dnsserver

import (
	"context"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// TestGoResolver asks as Go programs do.
func TestGoResolver(t *testing.T) {
	addr := listen(t, newServer(t, world(t)))
	many := listen(t, newServer(t, crowd(t, 50)))
	resolver := func(addr string) *net.Resolver {
		return &net.Resolver{PreferGo: true, StrictErrors: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, addr)
		}}
	}
	r := resolver(addr)
	ctx := context.Background()

	hosts, err := r.LookupHost(ctx, "web.service.consul.")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"10.0.0.1", "10.0.0.2"}, hosts)

	// What does not fit over UDP must come over TCP.
	hosts, err = resolver(many).LookupHost(ctx, "many.service.consul.")
	require.NoError(t, err)
	require.Len(t, hosts, 50)
	_, srvs, err := resolver(many).LookupSRV(ctx, "many", "tcp", "service.consul.")
	require.NoError(t, err)
	require.Len(t, srvs, 50)

	_, srvs, err = r.LookupSRV(ctx, "web", "tcp", "service.consul.")
	require.NoError(t, err)
	require.Len(t, srvs, 2)
	i := slices.IndexFunc(srvs, func(s *net.SRV) bool { return s.Port == 80 })
	require.Equal(t, &net.SRV{Target: "n1.node.dc1.consul.", Port: 80, Priority: 1, Weight: 7}, srvs[i])
	hosts, err = r.LookupHost(ctx, srvs[i].Target)
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.1"}, hosts)

	hosts, err = r.LookupHost(ctx, "named.service.consul.")
	require.NoError(t, err)
	require.Equal(t, []string{"10.0.0.2"}, hosts)
	names, err := r.LookupAddr(ctx, "10.0.0.1")
	require.NoError(t, err)
	require.Equal(t, []string{"n1.node.dc1.consul."}, names)
	texts, err := r.LookupTXT(ctx, "n1.node.consul.")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"rack=r1", "v=1"}, texts)
	ns, err := r.LookupNS(ctx, "consul.")
	require.NoError(t, err)
	require.Equal(t, "n1.node.dc1.consul.", ns[0].Host)

	_, err = r.LookupHost(ctx, "none.service.consul.")
	var e *net.DNSError
	require.ErrorAs(t, err, &e)
	require.True(t, e.IsNotFound)
}

// TestDig asks as people do.
func TestDig(t *testing.T) {
	path, err := exec.LookPath("dig")
	if err != nil {
		t.Skip("dig is not installed")
	}
	host, port, err := net.SplitHostPort(listen(t, newServer(t, world(t))))
	require.NoError(t, err)
	for _, row := range []struct {
		args string
		want []string
	}{
		{"+short web.service.consul", []string{"10.0.0.1", "10.0.0.2"}},
		{"+short +noedns +nocookie Web.Service.Consul", []string{"10.0.0.1", "10.0.0.2"}},
		{"+short +tcp web.service.consul SRV", []string{"1 2 81 n2.node.dc1.consul.", "1 7 80 n1.node.dc1.consul."}},
		{"+short +subnet=203.0.113.0/24 +dnssec web.service.consul", []string{"10.0.0.1", "10.0.0.2"}},
		{"+short -x 10.0.0.2", []string{"n2.node.dc1.consul."}},
		{"+short n1.node.consul TXT", []string{`"rack=r1"`, `"v=1"`}},
		{"+short consul NS", []string{"n1.node.dc1.consul."}},
		{"+short none.service.consul", []string{""}},
	} {
		out, err := exec.Command(path, append([]string{"@" + host, "-p", port, "+tries=1", "+time=5"}, strings.Fields(row.args)...)...).CombinedOutput()
		require.NoError(t, err, "%s: %s", row.args, out)
		require.ElementsMatch(t, row.want, strings.Split(strings.TrimSpace(string(out)), "\n"), row.args)
	}
	out, err := exec.Command(path, "@"+host, "-p", port, "none.service.consul").CombinedOutput()
	require.NoError(t, err)
	for _, want := range []string{"status: NXDOMAIN", "flags: qr aa rd;", "SOA\tns.consul. hostmaster.consul."} {
		require.Contains(t, string(out), want)
	}
	require.NotContains(t, string(out), "WARNING: Message")
}

// TestWildcardAnswersFromTheAddressAsked matters on hosts with several
// addresses: a client takes an answer only from the address that it asked.
func TestWildcardAnswersFromTheAddressAsked(t *testing.T) {
	for _, row := range []struct{ network, bind, dial string }{
		{"udp4", "0.0.0.0:0", "127.0.0.5"},
		{"udp", "[::]:0", "127.0.0.5"},
		{"udp6", "[::]:0", "::1"},
	} {
		s := newServer(t, world(t))
		udp, err := net.ListenPacket(row.network, row.bind)
		if err != nil {
			t.Logf("%s %s: %v", row.network, row.bind, err)
			continue
		}
		if !reportLocal(udp.(*net.UDPConn)) {
			udp.Close()
			t.Skip("the system does not tell which address a packet was sent to")
		}
		require.NoError(t, s.Serve(udp, nil))
		_, port, err := net.SplitHostPort(udp.LocalAddr().String())
		require.NoError(t, err)
		for _, name := range []string{"web.service.consul.", "n1.node.consul."} { // both ways
			c := &dns.Client{Timeout: 5 * time.Second}
			m, _, err := c.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), net.JoinHostPort(row.dial, port))
			require.NoError(t, err, "%s %s", row.bind, row.dial)
			require.NotEmpty(t, m.Answer)
		}
	}
}

func TestManyQuestionsOverOneConnection(t *testing.T) {
	addr := listen(t, newServer(t, world(t)))
	conn, err := dns.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	for i := range 50 {
		name := []string{"web.service.consul.", "n1.node.consul.", "none.service.consul."}[i%3]
		require.NoError(t, conn.WriteMsg(new(dns.Msg).SetQuestion(name, dns.TypeA)))
		m, err := conn.ReadMsg()
		require.NoError(t, err)
		require.Equal(t, name, m.Question[0].Name)
	}
	// What is no question ends the connection.
	_, err = conn.Conn.Write([]byte{0, 3, 1, 2, 3})
	require.NoError(t, err)
	_, err = conn.ReadMsg()
	require.Error(t, err)
}

// TestAskingWhileChanging is for the race detector: questions on both ways
// while the catalog and the settings change.
func TestAskingWhileChanging(t *testing.T) {
	c := world(t)
	s := newServer(t, c)
	addr := listen(t, s)
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			conn, err := dns.Dial([]string{"udp", "tcp"}[n%2], addr)
			if !assertNil(t, err) {
				return
			}
			defer conn.Close()
			for i := range 100 {
				name := []string{"web.service.consul.", "blue.web.service.consul.", "1.0.0.10.in-addr.arpa."}[i%3]
				conn.SetDeadline(time.Now().Add(5 * time.Second))
				if !assertNil(t, conn.WriteMsg(new(dns.Msg).SetQuestion(name, []uint16{dns.TypeA, dns.TypeSRV}[i%2]))) {
					return
				}
				if _, err := conn.ReadMsg(); !assertNil(t, err) {
					return
				}
			}
		})
	}
	for i := range 50 {
		c.add("n1", "10.0.0.1", api.Service{Service: "web", Port: 1000 + i, Tags: []string{"blue"}}, api.Passing)
		set := defaults()
		set.OnlyPassing = i%2 == 0
		s.SetConfig(set)
	}
	wg.Wait()
}

func assertNil(t *testing.T, err error) bool {
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

func TestClose(t *testing.T) {
	s := newServer(t, world(t))
	addr := listen(t, s)
	conn, err := net.Dial("tcp", addr) // idle
	require.NoError(t, err)
	defer conn.Close()
	_, _, err = new(dns.Client).Exchange(new(dns.Msg).SetQuestion("web.service.consul.", dns.TypeA), addr)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	_, err = conn.Read(make([]byte, 1))
	require.Error(t, err)
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	require.Error(t, s.Serve(udp, nil))
	require.ErrorIs(t, udp.Close(), net.ErrClosed)
}

func TestNewRefuses(t *testing.T) {
	c := newCatalog(t)
	for _, cfg := range []Config{
		{Datacenter: "dc1", Domain: "consul"},
		{State: c.State, Datacenter: "dc1", Domain: "."},
		{State: c.State, Datacenter: "dc1", Domain: ""},
		{State: c.State, Datacenter: "dc1", Domain: "a..b"},
		{State: c.State, Datacenter: "", Domain: "consul"},
		{State: c.State, Datacenter: "dc1", Domain: "consul", AltDomain: "x..y"},
	} {
		_, err := New(cfg)
		require.Error(t, err, "%q %q", cfg.Domain, cfg.Datacenter)
	}
}
