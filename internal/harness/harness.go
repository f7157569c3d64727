// Package harness runs clusters of real servers for tests, and breaks them.
//
// A Cluster is a few servers in the test's own process, opened by server.Open
// just as the program does, on loopback addresses, with files in a temporary
// directory. Its links can be cut and its servers killed: what a killed server
// does from that moment on reaches nobody and no disk. Processes are the same
// servers as processes of their own, for what only signals and exit codes can
// tell.
//
// Every scenario on a Cluster ends with Verify. A History is what clients saw,
// to be checked for linearizability; a Ledger is what they were promised.
package harness

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/server"
	"github.com/registryd/registryd/pkg/api"
)

// Options say what cluster to make. The zero value is three servers with the
// defaults of the product, save that they hold a request for one second only
// when there is no leader.
type Options struct {
	// Servers is their number; 0 means 3.
	Servers int
	// Settings are keys of the configuration, the same for all servers.
	Settings map[string]string
}

// Cluster is a number of servers in this process, named 0, 1, 2, … Its methods
// may be called from any goroutine; those that cannot do what they are asked to
// end the test.
type Cluster struct {
	tb   testing.TB
	opts Options
	dir  string
	net  *network

	mu      sync.Mutex
	members []*member
}

// patience is how long anything may take that must come true by itself. It is
// generous, for machines that do ten other things at once; a healthy cluster
// needs a tenth.
const patience = 30 * time.Second

// New starts a cluster and returns it when every server is a voter. It is
// closed at the end of the test.
func New(tb testing.TB, o Options) *Cluster {
	tb.Helper()
	c := Prepare(tb, o)
	for i := range c.members {
		c.Start(i)
	}
	c.WaitHealthy()
	return c
}

// Prepare is New without starting any server.
func Prepare(tb testing.TB, o Options) *Cluster {
	tb.Helper()
	o.Servers = cmp.Or(o.Servers, 3)
	c := &Cluster{tb: tb, opts: o, dir: tb.TempDir(), net: newNetwork()}
	hosts := loopbacks(o.Servers)
	for i := range o.Servers {
		ports := freePorts(tb, hosts[i], 2)
		c.members = append(c.members, &member{
			name: fmt.Sprintf("server-%d", i), id: uuid.NewString(), host: hosts[i],
			raftPort: ports[0], httpPort: ports[1],
			dir: filepath.Join(c.dir, fmt.Sprintf("server-%d.0", i)), log: &tailLog{},
		})
	}
	tb.Cleanup(c.close)
	return c
}

// Len returns the number of servers, running or not.
func (c *Cluster) Len() int { return len(c.members) }

// Start opens a server over the files it has. It fails the test if it is
// running or does not come up.
func (c *Cluster) Start(i int) {
	c.tb.Helper()
	if err := c.TryStart(i); err != nil {
		c.tb.Fatalf("start server %d: %v", i, err)
	}
}

// TryStart is Start that returns the error of server.Open.
func (c *Cluster) TryStart(i int) error {
	c.tb.Helper()
	m := c.members[i]
	m.changing.Lock()
	defer m.changing.Unlock()
	if c.life(i) != nil {
		c.tb.Fatalf("server %d runs already", i)
	}
	m.buried.Wait() // its ports and files are free only then
	cfg, err := c.config(m)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	l := &life{dir: m.dir, net: c.net.join(i, m.raftAddr(), m.httpAddr())}
	l.server, err = server.Open(cfg, server.Options{LogOutput: m.log, Dial: l.net.dial})
	if err != nil {
		l.net.leave()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m.life = l
	return nil
}

// config is the configuration of a member, by the way a user's takes.
func (c *Cluster) config(m *member) (*config.Config, error) {
	s := config.Sources{}
	set := func(key, value string) {
		s.Settings = append(s.Settings, config.Setting{Key: key, Value: value, Origin: key})
	}
	set("server", "true")
	set("node_name", m.name)
	set("node_id", m.id)
	set("data_dir", m.dir)
	set("bind_addr", m.host)
	set("client_addr", m.host)
	set("ports.server", fmt.Sprint(m.raftPort))
	set("ports.http", fmt.Sprint(m.httpPort))
	for _, off := range []string{"dns", "serf_lan", "serf_wan", "grpc", "grpc_tls"} {
		set("ports."+off, "-1")
	}
	if len(c.members) > 1 {
		set("bootstrap_expect", fmt.Sprint(len(c.members)))
	} else {
		set("bootstrap", "true")
	}
	for _, other := range c.members {
		if other != m {
			set("retry_join", other.raftAddr())
		}
	}
	set("retry_interval", "1s")
	set("performance.rpc_hold_timeout", "1s")
	for key, value := range c.opts.Settings {
		set(key, value)
	}
	return config.Load(s)
}

// Server returns a running server; it fails the test if it is not running.
func (c *Cluster) Server(i int) *server.Server {
	c.tb.Helper()
	l := c.life(i)
	if l == nil {
		c.tb.Fatalf("server %d is not running", i)
	}
	return l.server
}

// Running reports whether a server was started and neither killed nor stopped.
func (c *Cluster) Running(i int) bool { return c.life(i) != nil }

func (c *Cluster) life(i int) *life {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members[i].life
}

// Client returns a client of one server, running or not, that tries each
// request once and forgets nothing: its errors are what that server said.
func (c *Cluster) Client(i int) *api.Client {
	c.tb.Helper()
	return newClient(c.tb, api.Config{
		Addresses: []string{c.members[i].httpAddr()}, RetryTime: -1,
		RequestTimeout: 5 * time.Second, Dial: c.net.dialClient,
	})
}

// AnyClient returns a client of all servers, as an application has one.
func (c *Cluster) AnyClient() *api.Client {
	c.tb.Helper()
	var addrs []string
	for _, m := range c.members {
		addrs = append(addrs, m.httpAddr())
	}
	return newClient(c.tb, api.Config{Addresses: addrs, Dial: c.net.dialClient})
}

// Context returns a context that ends with the test, or after patience.
func (c *Cluster) Context() context.Context {
	ctx, cancel := context.WithTimeout(c.tb.Context(), patience)
	c.tb.Cleanup(cancel)
	return ctx
}

// close ends all servers, and shows the end of their logs if the test failed.
func (c *Cluster) close() {
	c.net.heal()
	for i, m := range c.members {
		if c.life(i) != nil {
			c.Stop(i)
		}
		m.buried.Wait()
	}
	c.net.close()
	if c.tb.Failed() {
		for _, m := range c.members {
			c.tb.Logf("log of %s, its end:\n%s", m.name, m.log)
		}
	}
}
