package harness

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// network is what the servers of a cluster reach each other through. It
// controls the side that dials, where both directions of a connection can be
// held up: what the dialer writes, and what it reads.
type network struct {
	state atomic.Pointer[links]

	mu     sync.Mutex // guards what follows, and changes of state
	owners map[string]*host
	conns  map[*conn]struct{}
}

// links is which directions are cut, from and to. It is not changed; a new one
// takes its place, and then changed is closed.
type links struct {
	cut     map[[2]int]bool
	changed chan struct{}
}

// host is one life of a server on the network.
type host struct {
	net   *network
	index int
	addrs []string
	gone  bool // guarded by net.mu
}

// client stands for whoever asks the servers from outside.
const client = -1

func newNetwork() *network {
	n := &network{owners: map[string]*host{}, conns: map[*conn]struct{}{}}
	n.state.Store(&links{changed: make(chan struct{})})
	return n
}

// join gives a server that is about to start its addresses.
func (n *network) join(index int, addrs ...string) *host {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := &host{net: n, index: index, addrs: addrs}
	for _, a := range addrs {
		n.owners[a] = h
	}
	return h
}

// leave makes the server unreachable and resets its connections, as happens
// when a process dies. Nothing that it sends afterwards arrives.
func (h *host) leave() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.gone = true
	for _, a := range h.addrs {
		if h.net.owners[a] == h {
			delete(h.net.owners, a)
		}
	}
	for c := range h.net.conns {
		if c.from == h || c.to == h {
			c.reset()
		}
	}
}

func (n *network) cutLink(from, to int) {
	n.change(func(cut map[[2]int]bool) { cut[[2]int{from, to}] = true })
}

func (n *network) heal() {
	n.change(func(cut map[[2]int]bool) { clear(cut) })
}

func (n *network) change(f func(map[[2]int]bool)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	old := n.state.Load()
	next := &links{cut: map[[2]int]bool{}, changed: make(chan struct{})}
	for k, v := range old.cut {
		next.cut[k] = v
	}
	f(next.cut)
	n.state.Store(next)
	close(old.changed)
}

// close resets what is left of the connections.
func (n *network) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for c := range n.conns {
		c.reset()
	}
}

// dial connects the server to another one, or to itself.
func (h *host) dial(ctx context.Context, addr string) (net.Conn, error) {
	return h.net.connect(ctx, h, addr)
}

// dialClient connects a client from outside to a server.
func (n *network) dialClient(ctx context.Context, _, addr string) (net.Conn, error) {
	return n.connect(ctx, &host{net: n, index: client}, addr)
}

func (n *network) connect(ctx context.Context, from *host, addr string) (net.Conn, error) {
	to, err := n.owner(from, addr)
	if err != nil {
		return nil, err
	}
	// A connection needs both directions.
	for l := n.state.Load(); l.blocked(from, to) || l.blocked(to, from); l = n.state.Load() {
		select {
		case <-l.changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("dial %s: %w", addr, os.ErrDeadlineExceeded)
		}
	}
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, net: n, from: from, to: to, closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	if from.gone || to.gone {
		raw.Close()
		return nil, refused(addr)
	}
	n.conns[c] = struct{}{}
	return c, nil
}

// owner returns who listens at addr. A dead server's port is closed at once,
// though the process that lent it is this one and lives.
func (n *network) owner(from *host, addr string) (*host, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	to, ok := n.owners[addr]
	if !ok || from.gone {
		return nil, refused(addr)
	}
	return to, nil
}

func refused(addr string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: fmt.Errorf("%s: %w", addr, syscall.ECONNREFUSED)}
}

func (l *links) blocked(from, to *host) bool { return l.cut[[2]int{from.index, to.index}] }
