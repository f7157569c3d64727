package raft

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/registryd/registryd/pkg/api"
)

func TestMain(m *testing.M) {
	// The tests mostly wait for elections: more of them fit beside each other
	// than there are processors.
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// cluster is a few servers on loopback whose links can be cut. Its methods take
// short names; the IDs begin with something of the cluster's own, since ports
// are used again by clusters of other tests.
type cluster struct {
	t   *testing.T
	tag string
	dir string
	net *network
	// pause replaces the library's pause before it tells of commits, if not 0.
	pause time.Duration
	// cleanup replaces the time after which a dead server is removed.
	cleanup time.Duration

	mu      sync.Mutex
	servers map[string]*testServer
}

type testServer struct {
	*Node
	fsm  *mapFSM
	cfg  Config
	addr string
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, tag: fmt.Sprintf("%08x-", rand.Uint32()), dir: t.TempDir(), net: &network{cut: map[[2]string]bool{}}, servers: map[string]*testServer{}}
	t.Cleanup(func() {
		for _, s := range c.all() {
			s.Close()
		}
	})
	return c
}

// id returns the full ID of a name; a full ID stays what it is.
func (c *cluster) id(name string) string {
	return c.tag + strings.TrimPrefix(name, c.tag)
}

// start opens the server with the ID; change adjusts its configuration. Its
// address stays the same over restarts, unless its listener is given.
func (c *cluster) start(id string, change func(*Config)) (*testServer, error) {
	c.t.Helper()
	name := strings.TrimPrefix(id, c.tag)
	id = c.id(id)
	dir := filepath.Join(c.dir, id)
	require.NoError(c.t, os.MkdirAll(dir, 0o700))
	cfg := Config{ID: id, Name: "node-" + name, Datacenter: c.t.Name(), Dir: dir, Meta: map[string]string{"name": name}}
	old := c.get(id)
	if old != nil {
		cfg = old.cfg
		cfg.Listener = nil
	}
	if testing.Verbose() {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})).With("server", id)
	}
	if change != nil {
		change(&cfg)
	}
	if cfg.Listener == nil && old == nil {
		cfg.Listener = listen(c.t)
	}
	if cfg.Listener == nil {
		require.Eventually(c.t, func() bool {
			l, err := net.Listen("tcp", old.addr)
			cfg.Listener = l
			return err == nil
		}, 5*time.Second, 10*time.Millisecond)
	}
	cfg.tune = func(t *timing) {
		orDefault(&c.pause, t.commit)
		orDefault(&c.cleanup, t.cleanup)
		t.commit, t.cleanup = c.pause, c.cleanup
	}
	cfg.Dial = c.net.dialer(id)
	addr := cfg.Listener.Addr().String()
	c.net.name(addr, id)
	cfg.Advertise = addr
	fsm, err := openMapFSM(dir)
	require.NoError(c.t, err)
	n, err := Open(cfg, fsm)
	if err != nil {
		return nil, err
	}
	s := &testServer{Node: n, fsm: fsm, cfg: cfg, addr: addr}
	c.mu.Lock()
	c.servers[id] = s
	c.mu.Unlock()
	return s, nil
}

func (c *cluster) mustStart(id string, change func(*Config)) *testServer {
	c.t.Helper()
	s, err := c.start(id, change)
	require.NoError(c.t, err)
	return s
}

func (c *cluster) get(id string) *testServer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.servers[c.id(id)]
}

func (c *cluster) all() map[string]*testServer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.servers)
}

// found starts servers that found a cluster together, and waits for a leader.
func (c *cluster) found(ids ...string) {
	c.t.Helper()
	listeners := map[string]net.Listener{}
	var addrs []string
	for _, id := range ids {
		l := listen(c.t)
		listeners[id] = l
		addrs = append(addrs, l.Addr().String())
		c.net.name(l.Addr().String(), c.id(id))
	}
	for _, id := range ids {
		c.mustStart(id, func(cfg *Config) {
			cfg.Listener = listeners[id]
			cfg.BootstrapExpect = len(ids)
			if len(ids) > 1 {
				cfg.RetryJoin = addrs
			}
		})
	}
	for _, id := range ids {
		c.ready(id)
	}
}

// ready waits until the server serves consistent reads.
func (c *cluster) ready(id string) {
	c.t.Helper()
	c.eventually(func() error {
		ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
		defer cancel()
		return c.get(id).ReadIndex(ctx, Consistent)
	})
}

// leader waits for a leader among the servers, and returns it.
func (c *cluster) leader(ids ...string) *testServer {
	c.t.Helper()
	var found *testServer
	c.eventually(func() error {
		for id, s := range c.all() {
			if s.ready.Load() != 0 && s.IsLeader() && (len(ids) == 0 || c.among(ids, id)) {
				found = s
				return nil
			}
		}
		return errors.New("no leader")
	})
	return found
}

// followers returns the IDs of all but the leader.
func (c *cluster) followers() []string {
	leader := c.leader()
	var ids []string
	for id := range c.all() {
		if id != leader.cfg.ID {
			ids = append(ids, id)
		}
	}
	return ids
}

func (c *cluster) kill(id string) { c.get(id).Close() }

// eventually repeats the check until it returns nil.
func (c *cluster) eventually(check func() error) {
	c.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			require.NoError(c.t, err)
		}
		time.Sleep(5 * time.Millisecond) // the pace of polling
	}
}

// apply applies a command that does no harm when it is applied twice: on a busy
// machine a leader may change at any moment.
func (c *cluster) apply(id, cmd string) (index uint64) {
	c.t.Helper()
	c.eventually(func() (err error) {
		_, index, err = c.get(id).Apply(c.t.Context(), []byte(cmd))
		if err != nil && !errors.Is(err, api.OutcomeUnknown) {
			require.NoError(c.t, err)
		}
		return err
	})
	return index
}

// read is a linearizable read through the server.
func (c *cluster) read(id, key string) string {
	c.t.Helper()
	require.NoError(c.t, c.get(id).ReadIndex(c.t.Context(), Default))
	return c.get(id).fsm.get(key)
}

func (c *cluster) among(ids []string, id string) bool {
	for _, i := range ids {
		if c.id(i) == c.id(id) {
			return true
		}
	}
	return false
}

// others returns the names without one.
func (c *cluster) others(ids []string, id string) []string {
	var list []string
	for _, i := range ids {
		if c.id(i) != c.id(id) {
			list = append(list, i)
		}
	}
	return list
}

// network is the links between servers.
type network struct {
	mu    sync.Mutex
	names map[string]string // address to ID
	cut   map[[2]string]bool
	conns map[*link]bool
}

type link struct {
	net.Conn
	ends [2]string
	net  *network
}

func (l *link) Close() error {
	l.net.mu.Lock()
	delete(l.net.conns, l)
	l.net.mu.Unlock()
	return l.Conn.Close()
}

func (n *network) name(addr, id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.names == nil {
		n.names, n.conns = map[string]string{}, map[*link]bool{}
	}
	n.names[addr] = id
}

func ends(a, b string) [2]string {
	if a > b {
		a, b = b, a
	}
	return [2]string{a, b}
}

func (n *network) dialer(from string) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, addr string) (net.Conn, error) {
		n.mu.Lock()
		e := ends(from, n.names[addr])
		severed := n.cut[e]
		n.mu.Unlock()
		if severed {
			return nil, fmt.Errorf("link %v is cut", e)
		}
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return nil, err
		}
		l := &link{Conn: conn, ends: e, net: n}
		n.mu.Lock()
		defer n.mu.Unlock()
		n.conns[l] = true
		return l, nil
	}
}

// isolate cuts the server off from all others, or heals that.
func (c *cluster) isolate(id string, isolated bool) {
	id = c.id(id)
	for other := range c.all() {
		if other != id {
			c.net.sever(id, other, isolated)
		}
	}
}

func (n *network) sever(a, b string, severed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	e := ends(a, b)
	n.cut[e] = severed
	for l := range n.conns {
		if severed && l.ends == e {
			l.Conn.Close()
		}
	}
}

// listen takes a port below those that systems lend to outgoing connections and
// to who asks for any port: nobody else gets it while its server is down.
func listen(t testing.TB) net.Listener {
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(22_000)))
		if err == nil {
			return l
		}
	}
	require.FailNow(t, "no port is free")
	return nil
}

func tcpListen(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }
