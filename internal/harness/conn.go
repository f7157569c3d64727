package harness

import (
	"net"
	"os"
	"sync"
	"time"
)

// conn is a connection whose directions can be cut. While one is, the sender
// waits, as for a peer whose window is closed, and what has arrived stays
// hidden; nothing is lost, and all of it comes out when the link heals, however
// old it is by then.
type conn struct {
	net.Conn
	net      *network
	from, to *host

	reading, writing limit
	held             []byte // read from the network, not yet shown; used by Read only
	closed           chan struct{}
}

func (c *conn) Read(p []byte) (int, error) {
	if len(c.held) == 0 {
		n, err := c.Conn.Read(p)
		if !c.net.state.Load().blocked(c.to, c.from) {
			return n, err
		}
		c.held = append(c.held, p[:n]...)
		if wait := c.pass(c.to, c.from, &c.reading); wait != nil || n == 0 {
			return 0, firstOf(wait, err)
		}
	} else if err := c.pass(c.to, c.from, &c.reading); err != nil {
		return 0, err
	}
	n := copy(p, c.held)
	c.held = c.held[n:]
	return n, nil
}

func (c *conn) Write(p []byte) (int, error) {
	if err := c.pass(c.from, c.to, &c.writing); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// pass waits until nothing is cut between from and to.
func (c *conn) pass(from, to *host, d *limit) error {
	for l := c.net.state.Load(); l.blocked(from, to); l = c.net.state.Load() {
		expired, moved, stop := d.watch()
		select {
		case <-l.changed:
		case <-moved:
		case <-expired:
			stop()
			return &net.OpError{Op: "wait", Net: "tcp", Err: os.ErrDeadlineExceeded}
		case <-c.closed:
			stop()
			return net.ErrClosed
		}
		stop()
	}
	return nil
}

func (c *conn) Close() error {
	c.forget()
	return c.Conn.Close()
}

func (c *conn) forget() {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.end()
}

// end wakes who waits in pass. The caller holds net.mu.
func (c *conn) end() {
	if _, open := c.net.conns[c]; open {
		delete(c.net.conns, c)
		close(c.closed)
	}
}

// reset closes both ends without a farewell. The caller holds net.mu.
func (c *conn) reset() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.end()
	c.Conn.Close()
}

func (c *conn) SetDeadline(t time.Time) error {
	c.reading.set(t)
	c.writing.set(t)
	return c.Conn.SetDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.reading.set(t)
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writing.set(t)
	return c.Conn.SetWriteDeadline(t)
}

// limit is a deadline that can be moved under those who wait for it.
type limit struct {
	mu    sync.Mutex
	at    time.Time
	moved chan struct{} // closed when at changes; nil if nobody waits
}

func (l *limit) set(t time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = t
	if l.moved != nil {
		close(l.moved)
		l.moved = nil
	}
}

// watch returns what fires at the deadline (never, without one) and what is
// closed when it moves.
func (l *limit) watch() (expired <-chan time.Time, moved <-chan struct{}, stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.moved == nil {
		l.moved = make(chan struct{})
	}
	if l.at.IsZero() {
		return nil, l.moved, func() {}
	}
	t := time.NewTimer(time.Until(l.at))
	return t.C, l.moved, func() { t.Stop() }
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
