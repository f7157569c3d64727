package harness

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// program is what Build compiles.
const program = "github.com/registryd/registryd/cmd/registryd"

// Build compiles registryd into a directory and returns the path of the binary.
// It runs once for all tests of a package, from its TestMain.
func Build(dir string) (string, error) {
	binary := filepath.Join(dir, "registryd")
	out, err := exec.Command("go", "build", "-tags", "hashicorpmetrics", "-o", binary, program).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build registryd: %w: %s", err, out)
	}
	return binary, nil
}

// Sources opens the directories that the program is made of. Go's test cache
// knows what a test opens, and not what its TestMain built: a test that calls
// this runs again when the program has changed.
func Sources() error {
	const ours = `{{if .Module}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}`
	out, err := exec.Command("go", "list", "-tags", "hashicorpmetrics", "-deps", "-f", ours, program).Output()
	if err != nil {
		return fmt.Errorf("list what registryd is made of: %w", err)
	}
	for _, dir := range strings.Fields(string(out)) {
		if _, err := os.ReadDir(dir); err != nil {
			return fmt.Errorf("look at what registryd is made of: %w", err)
		}
	}
	return nil
}

// Processes are servers that run as processes. Its methods are for the
// goroutine of the test, except those of the clients.
type Processes struct {
	tb     testing.TB
	binary string
	flags  []string
	list   []*Process
}

// NewProcesses starts a cluster of n processes with the flags, besides those
// that make it one, and returns when it is healthy. All end with the test.
func NewProcesses(tb testing.TB, binary string, n int, flags ...string) *Processes {
	tb.Helper()
	p := PrepareProcesses(tb, binary, n, flags...)
	for i := range p.list {
		p.Start(i)
	}
	p.WaitHealthy()
	return p
}

// PrepareProcesses is NewProcesses without starting any.
func PrepareProcesses(tb testing.TB, binary string, n int, flags ...string) *Processes {
	tb.Helper()
	p := &Processes{tb: tb, binary: binary, flags: flags}
	dir := tb.TempDir()
	for i, host := range loopbacks(n) {
		ports := freePorts(tb, host, 2)
		p.list = append(p.list, &Process{
			tb: tb, Name: fmt.Sprintf("server-%d", i), Dir: filepath.Join(dir, fmt.Sprintf("server-%d", i)),
			host: host, raftPort: ports[0], httpPort: ports[1], log: &tailLog{},
		})
	}
	tb.Cleanup(p.close)
	return p
}

// Len returns the number of servers, running or not.
func (p *Processes) Len() int { return len(p.list) }

// Server returns one of the servers.
func (p *Processes) Server(i int) *Process { return p.list[i] }

// Start starts a server over the files it has and waits until it answers.
func (p *Processes) Start(i int) {
	p.tb.Helper()
	p.Launch(i)
	p.list[i].awaitDoor()
}

// Launch is Start that does not wait for anything.
func (p *Processes) Launch(i int) {
	p.tb.Helper()
	p.list[i].launch(p.binary, p.args(i))
}

// args is the command line of a server, as a user would write it.
func (p *Processes) args(i int) []string {
	s := p.list[i]
	args := []string{
		"agent", "-server", "-node=" + s.Name, "-data-dir=" + s.Dir, "-bind=" + s.host, "-client=" + s.host,
		fmt.Sprintf("-server-port=%d", s.raftPort), fmt.Sprintf("-http-port=%d", s.httpPort),
		"-dns-port=-1", "-serf-lan-port=-1", "-retry-interval=1s", `-hcl=performance { rpc_hold_timeout = "1s" }`,
	}
	if len(p.list) == 1 {
		args = append(args, "-bootstrap")
	} else {
		args = append(args, fmt.Sprintf("-bootstrap-expect=%d", len(p.list)))
	}
	for _, other := range p.list {
		if other != s {
			args = append(args, "-retry-join="+other.RaftAddr())
		}
	}
	return append(args, p.flags...)
}

// Client returns a client of one server, at its present address, that tries
// each request once.
func (p *Processes) Client(i int) *api.Client {
	p.tb.Helper()
	s := p.list[i]
	if s.client == nil {
		s.client = newClient(p.tb, api.Config{Addresses: []string{s.HTTPAddr()}, RetryTime: -1, RequestTimeout: 5 * time.Second})
	}
	return s.client
}

// AnyClient returns a client of all servers, as an application has one.
func (p *Processes) AnyClient() *api.Client {
	var addrs []string
	for _, s := range p.list {
		addrs = append(addrs, s.HTTPAddr())
	}
	return newClient(p.tb, api.Config{Addresses: addrs})
}

// newClient returns a client that lives as long as the test.
func newClient(tb testing.TB, c api.Config) *api.Client {
	tb.Helper()
	c.IgnoreEnv = true
	client, err := api.New(c)
	if err != nil {
		tb.Fatalf("client: %v", err)
	}
	tb.Cleanup(func() { client.Close() })
	return client
}

// Context returns a context that ends with the test, or after patience.
func (p *Processes) Context() context.Context {
	ctx, cancel := context.WithTimeout(p.tb.Context(), patience)
	p.tb.Cleanup(cancel)
	return ctx
}

// Leader returns the number of the server that a majority follows, -1 if none
// is known.
func (p *Processes) Leader() int {
	for i, s := range p.list {
		if !s.Running() {
			continue
		}
		// A consistent read proves that whom this server names leads.
		ctx, cancel := context.WithTimeout(p.tb.Context(), time.Second)
		client := p.Client(i)
		_, _, err := client.Catalog().Nodes(ctx, &api.QueryOptions{Consistency: api.ReadConsistent})
		addr := ""
		if err == nil {
			addr, err = client.Status().Leader(ctx)
		}
		cancel()
		if err != nil {
			continue
		}
		for j, l := range p.list {
			if l.RaftAddr() == addr {
				return j
			}
		}
	}
	return -1
}

// WaitLeader waits for a leader and returns its number.
func (p *Processes) WaitLeader() int {
	p.tb.Helper()
	leader := -1
	Await(p.tb, "a leader", func() error {
		if leader = p.Leader(); leader < 0 {
			return fmt.Errorf("none")
		}
		return nil
	})
	return leader
}

// WaitHealthy waits until every running server is a voter that is marked alive
// in the catalog, as each of them sees it.
func (p *Processes) WaitHealthy() {
	p.tb.Helper()
	Await(p.tb, "a healthy cluster", func() error {
		for i, s := range p.list {
			if !s.Running() {
				continue
			}
			if err := p.seesAll(i); err != nil {
				return fmt.Errorf("as %s sees it: %w", s.Name, err)
			}
		}
		return nil
	})
}

func (p *Processes) seesAll(i int) error {
	ctx, cancel := context.WithTimeout(p.tb.Context(), 2*time.Second)
	defer cancel()
	client := p.Client(i)
	raft, err := client.Operator().RaftConfiguration(ctx, nil)
	if err != nil {
		return err
	}
	voters := map[string]bool{}
	for _, s := range raft.Servers {
		voters[s.Address] = s.Voter
	}
	entries, _, err := client.Health().Service(ctx, "consul", &api.QueryOptions{Passing: true})
	if err != nil {
		return err
	}
	alive := map[string]string{}
	for _, e := range entries {
		alive[e.Node.Node] = net.JoinHostPort(e.Node.Address, fmt.Sprint(e.Service.Port))
	}
	for _, s := range p.list {
		if s.Running() && (!voters[s.RaftAddr()] || alive[s.Name] != s.RaftAddr()) {
			return fmt.Errorf("%s at %s: voter %t, in the catalog at %q", s.Name, s.RaftAddr(), voters[s.RaftAddr()], alive[s.Name])
		}
	}
	return nil
}

func (p *Processes) close() {
	for _, s := range p.list {
		s.Resume()
		if s.Running() {
			s.Kill()
		}
		if p.tb.Failed() {
			p.tb.Logf("log of %s, its end:\n%s", s.Name, strings.TrimSpace(s.log.String()))
		}
	}
}
