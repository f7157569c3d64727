package rig

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// front stands for the load balancer before a cluster: it passes each
// connection on to the next server that takes it. A server's death breaks the
// connections to it, and nothing else is hidden from the client.
type front struct {
	servers []string
	ln      net.Listener
	wg      sync.WaitGroup

	mu    sync.Mutex
	next  int
	conns map[net.Conn]bool // nil once closed
}

// Front starts a load balancer before the cluster and returns its address. It
// ends with the test.
func (c *Cluster) Front(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{ln: ln, conns: map[net.Conn]bool{}}
	for _, s := range c.Servers {
		f.servers = append(f.servers, s.HTTP)
	}
	f.wg.Go(f.accept)
	t.Cleanup(f.close)
	return ln.Addr().String()
}

func (f *front) accept() {
	for {
		conn, err := f.ln.Accept()
		if err != nil {
			return
		}
		if !f.track(conn) {
			return
		}
		f.wg.Go(func() {
			defer f.untrack(conn)
			f.pass(conn)
		})
	}
}

// pass connects conn to a server and copies both ways until either side ends.
func (f *front) pass(conn net.Conn) {
	server := f.dial()
	if server == nil || !f.track(server) {
		return
	}
	defer f.untrack(server)
	f.wg.Go(func() {
		_, _ = io.Copy(server, conn)
		_ = server.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(conn, server)
	_ = conn.Close()
}

// dial returns a connection to the next server that takes one, nil if none
// does.
func (f *front) dial() net.Conn {
	f.mu.Lock()
	first := f.next
	f.next++
	f.mu.Unlock()
	for i := range f.servers {
		conn, err := net.DialTimeout("tcp", f.servers[(first+i)%len(f.servers)], time.Second)
		if err == nil {
			return conn
		}
	}
	return nil
}

// track remembers conn so that close can end it; false if it is too late.
func (f *front) track(conn net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conns == nil {
		_ = conn.Close()
		return false
	}
	f.conns[conn] = true
	return true
}

func (f *front) untrack(conn net.Conn) {
	_ = conn.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, conn)
}

func (f *front) close() {
	_ = f.ln.Close()
	f.mu.Lock()
	conns := f.conns
	f.conns = nil
	f.mu.Unlock()
	for conn := range conns {
		_ = conn.Close()
	}
	f.wg.Wait()
}
