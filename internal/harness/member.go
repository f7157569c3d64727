package harness

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"

	"github.com/registryd/registryd/internal/server"
)

// member is one server of a cluster through all its lives.
type member struct {
	name, id           string
	host               string
	raftPort, httpPort int
	log                *tailLog

	changing sync.Mutex     // one start, kill or stop at a time
	buried   sync.WaitGroup // done when no goroutine of earlier lives is left
	dir      string         // data directory of the present or next life
	deaths   int

	life *life // nil while it is down; guarded by Cluster.mu
}

// life is one running server.
type life struct {
	server *server.Server
	dir    string
	net    *host
}

func (m *member) raftAddr() string { return net.JoinHostPort(m.host, strconv.Itoa(m.raftPort)) }
func (m *member) httpAddr() string { return net.JoinHostPort(m.host, strconv.Itoa(m.httpPort)) }

// end takes the life away from member i; the caller holds changing.
func (c *Cluster) end(i int) *life {
	c.tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.members[i].life
	if l == nil {
		c.tb.Fatalf("server %d is not running", i)
	}
	c.members[i].life = nil
	return l
}

// Kill ends a server as a power cut would, as nearly as that can be done within
// a process. In this order: nobody hears of it any more; its files are copied as
// they are at this moment; it is closed, and whatever that still writes goes to
// files that nobody reads again. The next Start opens the copy.
func (c *Cluster) Kill(i int) {
	c.tb.Helper()
	m := c.members[i]
	m.changing.Lock()
	defer m.changing.Unlock()
	l := c.end(i)
	l.net.leave()
	m.deaths++
	m.dir = fmt.Sprintf("%s.%d", trimNumber(m.dir), m.deaths)
	if err := image(l.dir, m.dir); err != nil {
		c.tb.Errorf("kill server %d: %v", i, err)
	}
	m.buried.Add(1)
	go func() {
		defer m.buried.Done()
		l.server.Close()
		os.RemoveAll(l.dir)
	}()
}

// Stop closes a server in good order.
func (c *Cluster) Stop(i int) {
	c.tb.Helper()
	m := c.members[i]
	m.changing.Lock()
	defer m.changing.Unlock()
	l := c.end(i)
	if err := l.server.Close(); err != nil {
		c.tb.Errorf("stop server %d: %v", i, err)
	}
	l.net.leave()
}

// Cut stops all that goes from one server to another, silently, as a network
// does: senders wait, and nothing is refused. Requests of clients pass.
func (c *Cluster) Cut(from, to int) { c.net.cutLink(from, to) }

// Partition cuts every link between servers of different groups. Servers that
// are in no group form one more.
func (c *Cluster) Partition(groups ...[]int) {
	group := make([]int, c.Len())
	for g, members := range groups {
		for _, i := range members {
			group[i] = g + 1
		}
	}
	for a := range group {
		for b := range group {
			if group[a] != group[b] {
				c.net.cutLink(a, b)
			}
		}
	}
}

// Isolate cuts a server off from all others.
func (c *Cluster) Isolate(i int) { c.Partition([]int{i}) }

// Heal mends all links. What was under way arrives now.
func (c *Cluster) Heal() { c.net.heal() }

// term is the raft term of the server's own belief.
func (l *life) term() uint64 {
	n, _ := strconv.ParseUint(l.server.Registry().Cluster().Stats()["term"], 10, 64)
	return n
}

// Name returns the node name of a server.
func (c *Cluster) Name(i int) string { return c.members[i].name }
