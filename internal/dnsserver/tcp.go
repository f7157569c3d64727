package dnsserver

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"time"
)

const (
	// tcpIdle is how long a client may take for its next question, and for
	// taking an answer (RFC 7766, section 6.2.3 leaves it to the server).
	tcpIdle = 10 * time.Second
	// tcpQuery is the room for a question that a connection keeps; longer ones
	// get memory of their own.
	tcpQuery = 512
	// tcpKeep is how large a buffer an idle connection keeps.
	tcpKeep = 4096
)

// serveTCP accepts connections until the listener is closed.
func (s *Server) serveTCP(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.log.Warn("dns connection not accepted", "error", err)
			if !s.pause() {
				return
			}
			continue
		}
		select {
		case s.tcpConns <- struct{}{}:
		default:
			conn.Close()
			continue
		}
		if !s.own(conn) {
			conn.Close()
			<-s.tcpConns
			return
		}
		s.wg.Go(func() {
			defer func() { s.release(conn); <-s.tcpConns }()
			s.serveConn(conn)
		})
	}
}

// serveConn answers the questions of a connection one after the other.
func (s *Server) serveConn(conn net.Conn) {
	var client netip.Addr
	if a, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		client = a.Addr()
	}
	c := &scratch{in: make([]byte, tcpQuery)}
	var frame []byte
	for {
		conn.SetDeadline(time.Now().Add(tcpIdle))
		pkt, err := readFrame(conn, c.in)
		if err != nil {
			return
		}
		b := s.fast(pkt, true, c)
		if b == nil {
			b = s.respond(pkt, client, true)
		}
		if b == nil {
			return // who sends such things over TCP is no client
		}
		frame = binary.BigEndian.AppendUint16(frame[:0], uint16(len(b)))
		frame = append(frame, b...)
		conn.SetWriteDeadline(time.Now().Add(tcpIdle))
		if _, err := conn.Write(frame); err != nil {
			return
		}
		if cap(frame) > tcpKeep {
			frame, c.out = nil, nil
		}
	}
}
