package dnsserver

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// catalog is a store that tests write to.
type catalog struct {
	t testing.TB
	*store.Store
	index uint64
}

func newCatalog(t testing.TB) *catalog {
	s, err := store.Open(filepath.Join(t.TempDir(), "registry.db"))
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return &catalog{t: t, Store: s}
}

func (c *catalog) apply(cs ...store.Command) {
	c.t.Helper()
	var entries []store.Entry
	for _, cmd := range cs {
		c.index++
		entries = append(entries, store.Entry{Index: c.index, Term: 1, Time: time.Unix(int64(c.index), 0), Data: store.Encode(cmd)})
	}
	for _, b := range c.ApplyBatch(entries) {
		r, err := store.DecodeResult(b)
		require.NoError(c.t, err)
		require.NoError(c.t, r.Err)
	}
}

// add registers an instance whose check has the status, on a node.
func (c *catalog) add(node, address string, svc api.Service, status string) {
	c.t.Helper()
	if svc.ID == "" {
		svc.ID = svc.Service
	}
	c.apply(&store.Register{
		Node: node, Address: address, Datacenter: "dc1", SkipNodeUpdate: true,
		Service: &svc,
		Checks:  []*api.Check{{CheckID: "c-" + svc.ID, Name: "c", ServiceID: svc.ID, Status: status}},
	})
}

func defaults() Settings {
	return Settings{
		AllowStale: true, MaxStale: time.Hour, UDPAnswerLimit: 3, NodeMetaTXT: true,
		RecursorTimeout: time.Second,
		SOA:             SOA{Refresh: 3600, Retry: 600, Expire: 86400},
	}
}

// newServer returns a server of the catalog with the change made to its
// configuration.
func newServer(t testing.TB, c *catalog, change ...func(*Config)) *Server {
	t.Helper()
	cfg := Config{State: c.State, Datacenter: "dc1", Domain: "consul.", Settings: defaults(), Logger: slog.New(strict{t})}
	for _, f := range change {
		f(&cfg)
	}
	s, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// listen makes the server serve on a free port of the loopback, UDP and TCP.
func listen(t testing.TB, s *Server) string {
	t.Helper()
	for range 20 { // the port found for one may be taken for the other
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		udp, err := net.ListenPacket("udp", tcp.Addr().String())
		if err != nil {
			tcp.Close()
			continue
		}
		require.NoError(t, s.Serve(udp, tcp))
		return tcp.Addr().String()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return ""
}

var client = netip.MustParseAddr("127.0.0.1")

// via is a way to an answer.
type via struct {
	tcp  bool
	edns uint16 // offered size; 0 means no EDNS
	slow bool   // not the fast way, even if it would do
}

// ask asks the server without a socket and returns the answer. The packet
// itself is checked for what must always hold.
func ask(t testing.TB, s *Server, how via, name string, qtype uint16, change ...func(*dns.Msg)) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	if how.edns > 0 {
		q.SetEdns0(how.edns, false)
	}
	for _, f := range change {
		f(q)
	}
	pkt, err := q.Pack()
	require.NoError(t, err)
	var b []byte
	if !how.slow {
		b = s.fast(pkt, how.tcp, newScratch())
	}
	if b == nil {
		b = s.respond(pkt, client, how.tcp)
	}
	require.NotNil(t, b)
	m := new(dns.Msg)
	require.NoError(t, m.Unpack(b))
	require.Equal(t, q.Id, m.Id)
	require.True(t, m.Response)
	require.LessOrEqual(t, len(b), newLimits(s.settings.Load(), how.tcp, how.edns > 0, how.edns, qtype).size)
	require.Equal(t, how.edns > 0, m.IsEdns0() != nil)
	return m
}

// lines writes records as sorted text, with single spaces, without OPT and
// without what changes with the clock.
func lines(rrs []dns.RR) []string {
	l := []string{}
	for _, rr := range rrs {
		switch rr := rr.(type) {
		case *dns.OPT:
			continue
		case *dns.SOA:
			rr.Serial = 0
		}
		l = append(l, strings.Join(strings.Fields(rr.String()), " "))
	}
	slices.Sort(l)
	return l
}

// strict is a log in which an error fails the test: the server reports faults
// of its own, panics among them, as errors and goes on.
type strict struct{ t testing.TB }

func (s strict) Enabled(context.Context, slog.Level) bool { return true }
func (s strict) WithAttrs([]slog.Attr) slog.Handler       { return s }
func (s strict) WithGroup(string) slog.Handler            { return s }

func (s strict) Handle(_ context.Context, r slog.Record) error {
	if r.Level < slog.LevelError {
		return nil
	}
	text := r.Message
	r.Attrs(func(a slog.Attr) bool { text += "\n" + a.String(); return true })
	s.t.Error(text)
	return nil
}

// queryFunc is a Queries.
type queryFunc func(name string, from netip.Addr) (QueryResult, error)

func (f queryFunc) ExecuteDNS(_ context.Context, name string, from netip.Addr) (QueryResult, error) {
	return f(name, from)
}
