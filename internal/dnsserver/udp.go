package dnsserver

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// udpReaders is how many goroutines read one socket. They take turns at its
// lock, so more help only where cores are many: on two cores a second reader
// cost a quarter more CPU for each answer and doubled the slowest ones.
func udpReaders() int { return min(max(runtime.GOMAXPROCS(0)/4, 1), 4) }

// errorPause keeps a socket or listener that fails again and again from
// taking a whole core.
const errorPause = 10 * time.Millisecond

// origin is where a packet came from, and where to on our side.
type origin struct {
	client netip.AddrPort
	local  []byte // control message to answer from the address asked; may be empty
}

// packetConn is the part of a socket that serving needs.
type packetConn interface {
	// read fills b and says where from. o.local may be overwritten.
	read(b []byte, o *origin) (int, error)
	write(b []byte, o *origin) error
}

// newUDPConn chooses the cheapest way to use the socket. The sockets of a host
// with several addresses that listens on all of them must be told which to
// answer from.
func newUDPConn(c net.PacketConn) packetConn {
	u, ok := c.(*net.UDPConn)
	if !ok {
		return anyConn{c}
	}
	if a, ok := u.LocalAddr().(*net.UDPAddr); ok && a.IP.IsUnspecified() && reportLocal(u) {
		return wildConn{u}
	}
	return plainConn{u}
}

// plainConn is a socket bound to one address.
type plainConn struct{ c *net.UDPConn }

func (p plainConn) read(b []byte, o *origin) (n int, err error) {
	n, o.client, err = p.c.ReadFromUDPAddrPort(b)
	return n, err
}

func (p plainConn) write(b []byte, o *origin) error {
	_, err := p.c.WriteToUDPAddrPort(b, o.client)
	return err
}

// wildConn is a socket bound to all addresses.
type wildConn struct{ c *net.UDPConn }

func (w wildConn) read(b []byte, o *origin) (int, error) {
	if o.local = o.local[:cap(o.local)]; len(o.local) < maxControl {
		o.local = make([]byte, maxControl)
	}
	n, control, _, client, err := w.c.ReadMsgUDPAddrPort(b, o.local)
	o.client, o.local = client, answerFrom(o.local[:control])
	return n, err
}

func (w wildConn) write(b []byte, o *origin) error {
	_, _, err := w.c.WriteMsgUDPAddrPort(b, o.local, o.client)
	return err
}

// anyConn is a socket that is not one of the system's.
type anyConn struct{ c net.PacketConn }

func (a anyConn) read(b []byte, o *origin) (int, error) {
	n, from, err := a.c.ReadFrom(b)
	if err == nil {
		o.client, err = netip.ParseAddrPort(from.String())
	}
	return n, err
}

func (a anyConn) write(b []byte, o *origin) error {
	_, err := a.c.WriteTo(b, net.UDPAddrFromAddrPort(o.client))
	return err
}

// serveUDP answers what comes in on the socket until that is closed. Several
// goroutines may do so with the same one.
func (s *Server) serveUDP(conn packetConn) {
	c := newScratch()
	var from origin
	for {
		n, err := conn.read(c.in, &from)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.log.Debug("dns packet not received", "error", err)
			if !s.pause() {
				return
			}
			continue
		}
		pkt := c.in[:n]
		if b := s.fast(pkt, false, c); b != nil {
			s.send(conn, b, &from)
			continue
		}
		if n >= headerSize && pkt[2]&bitQR == 0 {
			s.general(conn, pkt, &from, c.local)
		}
	}
}

// send writes an answer. One that is lost is asked for again.
func (s *Server) send(conn packetConn, b []byte, to *origin) {
	if err := conn.write(b, to); err != nil && !errors.Is(err, net.ErrClosed) {
		s.log.Debug("dns answer not sent", "client", to.client, "error", err)
	}
}

// job is a packet on the general way.
type job struct {
	pkt  []byte
	from origin
}

// jobPool keeps the memory of jobs done.
type jobPool struct{ sync.Pool }

func (p *jobPool) get() *job {
	if j, ok := p.Get().(*job); ok {
		return j
	}
	return new(job)
}

// general answers a packet in a goroutine of its own, or drops it when too
// many are in the works.
func (s *Server) general(conn packetConn, pkt []byte, from *origin, local bool) {
	slots := s.remote
	if local {
		slots = s.local
	}
	select {
	case slots <- struct{}{}:
	default:
		return
	}
	j := s.jobs.get()
	j.pkt = append(j.pkt[:0], pkt...)
	j.from.client = from.client
	j.from.local = append(j.from.local[:0], from.local...)
	s.wg.Go(func() {
		defer func() { s.jobs.Put(j); <-slots }()
		if b := s.respond(j.pkt, j.from.client.Addr(), false); b != nil {
			s.send(conn, b, &j.from)
		}
	})
}

// pause waits a moment; false when the server is closed.
func (s *Server) pause() bool {
	t := time.NewTimer(errorPause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}
