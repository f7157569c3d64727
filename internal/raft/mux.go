package raft

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

// A connection to the server port begins with a greeting:
//
//	protocol byte, len(ID) byte, ID of the server that is meant ("" for any)
//
// and the answer of one byte, greeted or a hang-up. Addresses are used again: a
// leader that still tries to reach a server that is gone must not feed its log
// to a stranger that got the address.
const (
	protoRaft  byte = 'R' // the stream of hashicorp/raft
	protoCalls byte = 'C' // internal calls, rpc_conn.go
)

const greeted byte = 1

// helloTimeout is how long a fresh connection may take to send its greeting.
const helloTimeout = 10 * time.Second

// endpoint is a server as it is dialed: "ID@host:port", or "host:port" for
// whoever is there.
func endpoint(id, addr string) string { return id + "@" + addr }

// dialEndpoint connects to an endpoint and greets it.
func dialEndpoint(ctx context.Context, dial dialFunc, protocol byte, to string) (net.Conn, error) {
	id, addr := "", to
	if at := strings.LastIndexByte(to, '@'); at >= 0 {
		id, addr = to[:at], to[at+1:]
	}
	conn, err := dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	var answer [1]byte
	_, err = conn.Write(append([]byte{protocol, byte(len(id))}, id...))
	if err == nil {
		_, err = io.ReadFull(conn, answer[:])
	}
	switch {
	case err != nil:
		err = fmt.Errorf("no greeting from %s: %w", addr, err)
	case answer[0] != greeted:
		err = fmt.Errorf("at %s is not the server with ID %s", addr, id)
	default:
		return conn, conn.SetDeadline(time.Time{})
	}
	conn.Close()
	return nil, err
}

// dialFunc is Config.Dial.
type dialFunc func(ctx context.Context, addr string) (net.Conn, error)

// mux shares the server port between protocols. Each protocol sees an ordinary
// net.Listener.
//
// Close cuts every connection and waits until its handler has closed it: a
// handler that sits in a read would otherwise outlive the Node, and with it the
// state it writes to.
type mux struct {
	id        string // of this server
	listeners []net.Listener
	ports     map[byte]*muxPort
	conns     connSet
	done      chan struct{}
	once      sync.Once
	wg        sync.WaitGroup
}

func newMux(id string, listeners []net.Listener, addr net.Addr, protocols ...byte) *mux {
	m := &mux{id: id, listeners: listeners, ports: map[byte]*muxPort{}, done: make(chan struct{})}
	for _, p := range protocols {
		m.ports[p] = &muxPort{mux: m, addr: addr, conns: make(chan net.Conn)}
	}
	for _, l := range listeners {
		m.wg.Go(func() { m.accept(l) })
	}
	return m
}

// Port returns the listener of one protocol.
func (m *mux) Port(protocol byte) net.Listener { return m.ports[protocol] }

// Close stops listening, cuts all connections and waits for their handlers.
func (m *mux) Close() error {
	m.once.Do(func() {
		close(m.done)
		for _, l := range m.listeners {
			l.Close()
		}
		m.conns.Cut()
	})
	m.wg.Wait()
	m.conns.Wait()
	return nil
}

func (m *mux) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) || m.closed() {
				return
			}
			// Out of file descriptors, mostly: waiting gives others the time
			// to close some.
			select {
			case <-time.After(50 * time.Millisecond):
				continue
			case <-m.done:
				return
			}
		}
		tracked, ok := m.conns.Add(conn)
		if !ok {
			continue
		}
		m.wg.Go(func() { m.hand(tracked) })
	}
}

// hand answers the greeting and passes the connection on.
func (m *mux) hand(conn net.Conn) {
	conn.SetDeadline(time.Now().Add(helloTimeout))
	p := m.greet(conn)
	if p == nil {
		conn.Close()
		return
	}
	conn.SetDeadline(time.Time{})
	select {
	case p.conns <- conn:
	case <-m.done:
		conn.Close()
	}
}

// greet reads the greeting and returns the port that is meant, if any.
func (m *mux) greet(conn net.Conn) *muxPort {
	var head [2]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil
	}
	id := make([]byte, head[1])
	if _, err := io.ReadFull(conn, id); err != nil {
		return nil
	}
	p, answer := m.ports[head[0]], greeted
	if len(id) > 0 && string(id) != m.id {
		p, answer = nil, 0
	}
	if _, err := conn.Write([]byte{answer}); err != nil {
		return nil
	}
	return p
}

func (m *mux) closed() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

// muxPort is the listener of one protocol.
type muxPort struct {
	mux   *mux
	addr  net.Addr
	conns chan net.Conn
}

func (p *muxPort) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.mux.done:
		return nil, net.ErrClosed
	}
}

// Close does nothing: the mux is closed as a whole.
func (p *muxPort) Close() error   { return nil }
func (p *muxPort) Addr() net.Addr { return p.addr }

// address is a host:port as a net.Addr.
type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }
