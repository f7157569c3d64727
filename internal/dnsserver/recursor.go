package dnsserver

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/miekg/dns"
)

// recurse answers a question that is not ours with what a recursor says to
// it. Without recursors it is refused, except below arpa: there we would know
// the answer if there were one, so failing is the truth.
func (r *request) recurse(pkt []byte) []byte {
	if len(r.cfg.Recursors) == 0 {
		rcode := dns.RcodeRefused
		if r.q.name.arpa() {
			rcode = dns.RcodeServerFailure
		}
		return r.pack(reply{rcode: rcode, foreign: true})
	}
	b := r.askRecursors(r.Server.ctx, r.set, pkt, r.tcp)
	if b == nil {
		return r.failure()
	}
	copy(b, pkt[:2])
	return b
}

// askRecursors sends the packet to one recursor after the other, until one
// gives an answer that settles the question: success, or that there is no such
// name. It returns that answer, with an ID of its own, or nil.
func (s *Server) askRecursors(ctx context.Context, set *settings, pkt []byte, tcp bool) []byte {
	order := make([]int, len(s.cfg.Recursors))
	for i := range order {
		order[i] = i
	}
	if set.RecursorStrategy == "random" {
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	network := "udp"
	if tcp {
		network = "tcp"
	}
	for _, i := range order {
		addr := s.cfg.Recursors[i]
		b, err := exchange(ctx, network, addr, pkt, set.RecursorTimeout)
		if err == nil {
			if rcode := int(b[3] & 15); rcode == dns.RcodeSuccess || rcode == dns.RcodeNameError {
				return b
			} else {
				err = errors.New(dns.RcodeToString[rcode])
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		s.log.Debug("dns recursor gave no answer", "recursor", addr, "error", err)
	}
	return nil
}

// exchange sends a packet to a DNS server, under an ID that cannot be
// guessed, and returns the answer to it.
func exchange(ctx context.Context, network, addr string, pkt []byte, timeout time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// Whatever ends the context, its deadline included, ends the waiting.
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })()

	ask := binary.BigEndian.AppendUint16(nil, uint16(len(pkt)))
	ask = append(ask, pkt...)
	binary.BigEndian.PutUint16(ask[2:], uint16(rand.Uint32()))
	if network != "tcp" {
		ask = ask[2:]
	}
	if _, err := conn.Write(ask); err != nil {
		return nil, err
	}
	if network == "tcp" {
		b, err := readFrame(conn, nil)
		if err == nil && !answers(b, ask[2:]) {
			err = errors.New("answer to another question")
		}
		return b, err
	}
	buf := make([]byte, maxTCPSize)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, err
		}
		// Anybody can send to the port: wait on for the one that fits.
		if answers(buf[:n], ask) {
			return buf[:n], nil
		}
	}
}

// answers reports whether the packet b answers the question ask: same ID, same
// name without regard to case, same type and class.
func answers(b, ask []byte) bool {
	var q, want question
	return len(b) >= headerSize && b[2]&bitQR != 0 && bytes.Equal(b[:2], ask[:2]) &&
		q.parse(b) && want.parse(ask) &&
		q.qtype == want.qtype && q.qclass == want.qclass &&
		bytes.Equal(q.name.wire[:q.name.size], want.name.wire[:want.name.size])
}

// readFrame reads a message with its length before it, as DNS over TCP has
// them, into buf if it is large enough.
func readFrame(r io.Reader, buf []byte) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(head[:]))
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		return nil, fmt.Errorf("message cut short: %w", err)
	}
	return buf[:n], nil
}
