package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// memNet is a network in memory, so that tests can cut it and, inside
// testing/synctest, have hours pass in it.
type memNet struct {
	mu    sync.Mutex
	hosts map[string]*memHost
	dials map[string]int
}

// memHost is the listener of one address.
type memHost struct {
	n      *memNet
	addr   string
	accept chan net.Conn
	closed chan struct{}
	conns  []net.Conn
	down   bool // refuses connections
	silent bool // leaves them unanswered
}

func newMemNet() *memNet {
	return &memNet{hosts: map[string]*memHost{}, dials: map[string]int{}}
}

// serve runs h at addr ("host:port") until the test ends.
func (n *memNet) serve(t *testing.T, addr string, h http.Handler) *memHost {
	host := &memHost{n: n, addr: addr, accept: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	n.hosts[addr] = host
	n.mu.Unlock()
	srv := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(host)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return host
}

func (n *memNet) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n.mu.Lock()
	n.dials[addr]++
	h := n.hosts[addr]
	down, silent := h == nil || h.down, h != nil && h.silent
	n.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	switch {
	case down:
		return nil, refused
	case silent:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ours, theirs := net.Pipe()
	select {
	case h.accept <- theirs:
	case <-h.closed:
		return nil, refused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	n.mu.Lock()
	h.conns = append(h.conns, ours)
	n.mu.Unlock()
	return ours, nil
}

// cut drops all connections of the host and refuses new ones.
func (h *memHost) cut() {
	h.n.mu.Lock()
	h.down = true
	conns := h.conns
	h.conns = nil
	h.n.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

// mend undoes cut.
func (h *memHost) mend() {
	h.n.mu.Lock()
	h.down = false
	h.n.mu.Unlock()
}

func (h *memHost) Accept() (net.Conn, error) {
	select {
	case c := <-h.accept:
		return c, nil
	case <-h.closed:
		return nil, errors.New("closed")
	}
}

func (h *memHost) Close() error {
	select {
	case <-h.closed:
	default:
		close(h.closed)
	}
	return nil
}

func (h *memHost) Addr() net.Addr { return &net.TCPAddr{} }

// client returns a client for the addresses that closes with the test. Before
// its own defaults, change may alter the configuration.
func (n *memNet) client(t *testing.T, change func(*Config), addrs ...string) *Client {
	conf := Config{Addresses: addrs, Dial: n.dial, IgnoreEnv: true}
	if change != nil {
		change(&conf)
	}
	c, err := New(conf)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
	})
	return c
}

// answer writes an answer as a registryd would; kind is empty for none.
func answer(w http.ResponseWriter, status int, kind Kind, body string) {
	if status >= 400 {
		w.Header().Set("X-Registryd-Error", kind.String())
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// refuse writes an error as a registryd would.
func refuse(w http.ResponseWriter, kind Kind, msg string) {
	answer(w, kind.Status(), kind, msg)
}

// linger holds a request for d, or until its client goes.
func linger(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}
