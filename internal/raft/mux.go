package raft

import (
	"errors"
	"net"
	"sync"
	"time"
)

// The first byte of a connection to the server port picks the protocol.
const (
	protoRaft  byte = 'R' // the stream of hashicorp/raft
	protoCalls byte = 'C' // internal calls, rpc_conn.go
)

// helloTimeout is how long a fresh connection may take to send its first byte.
const helloTimeout = 10 * time.Second

// mux shares the server port between protocols. Each protocol sees an ordinary
// net.Listener.
//
// Close cuts every connection and waits until its handler has closed it: a
// handler that sits in a read would otherwise outlive the Node, and with it the
// state it writes to.
type mux struct {
	listeners []net.Listener
	ports     map[byte]*muxPort
	conns     connSet
	done      chan struct{}
	once      sync.Once
	wg        sync.WaitGroup
}

func newMux(listeners []net.Listener, addr net.Addr, protocols ...byte) *mux {
	m := &mux{listeners: listeners, ports: map[byte]*muxPort{}, done: make(chan struct{})}
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

// hand reads the protocol byte and passes the connection on.
func (m *mux) hand(conn net.Conn) {
	var b [1]byte
	conn.SetReadDeadline(time.Now().Add(helloTimeout))
	if _, err := conn.Read(b[:]); err != nil {
		conn.Close()
		return
	}
	conn.SetReadDeadline(time.Time{})
	p := m.ports[b[0]]
	if p == nil {
		conn.Close()
		return
	}
	select {
	case p.conns <- conn:
	case <-m.done:
		conn.Close()
	}
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
