package dnsserver

import (
	"context"
	"encoding/hex"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/miekg/dns"

	"github.com/registryd/registryd/internal/store"
)

// patience is how long an answer of ours may wait in all: for the leader, for
// a prepared query, for recursors to say where a name leads. Most clients have
// asked again by then.
const patience = 5 * time.Second

// request is a question on the general way. For a name that an answer leads
// to, a second request is made from the first.
type request struct {
	*Server
	ctx   context.Context // ends when patience does
	set   *settings
	st    *store.State
	tcp   bool
	from  netip.Addr
	msg   *dns.Msg // the client's
	depth int      // how many more names of ours may be followed

	q     question
	asked string // the name in text form, in the case it was asked in
	zone  *zone  // nil: outside
	left  int    // how many labels come before the zone's
}

// reply is what a request came to.
type reply struct {
	rcode   int
	foreign bool // not from our own data
	answer  []dns.RR
	ns      []dns.RR
	extra   []dns.RR
	cut     bool // records are missing already
	scoped  bool // it holds for the client's subnet only
}

// respond answers a packet on the general way: with a packet, or with nil when
// it deserves silence.
func (s *Server) respond(pkt []byte, from netip.Addr, tcp bool) []byte {
	defer s.survive(pkt)
	if len(pkt) < headerSize || pkt[2]&bitQR != 0 {
		return nil // answering answers could go on for ever
	}
	if opcode := int(pkt[2] >> 3 & 15); opcode != dns.OpcodeQuery {
		return bare(pkt, dns.RcodeNotImplemented)
	}
	ctx, cancel := context.WithTimeout(s.ctx, patience)
	defer cancel()
	r := &request{Server: s, ctx: ctx, set: s.settings.Load(), tcp: tcp, from: from, msg: new(dns.Msg), depth: maxChain}
	if !r.q.parse(pkt) || r.msg.Unpack(pkt) != nil || len(r.msg.Question) != 1 || countOPT(r.msg) > 1 {
		return bare(pkt, dns.RcodeFormatError)
	}
	r.asked = r.msg.Question[0].Name
	r.zone, r.left = s.zoneOf(&r.q.name)
	if opt := r.msg.IsEdns0(); opt != nil && opt.Version() != 0 {
		return r.pack(reply{rcode: dns.RcodeBadVers, foreign: true})
	}
	if c := r.q.qclass; c != dns.ClassINET && c != dns.ClassANY {
		return r.pack(reply{rcode: dns.RcodeRefused, foreign: true})
	}
	ip, reverse := r.q.name.reverse()
	if r.zone != nil || reverse {
		if err := r.load(); err != nil {
			s.log.Debug("dns answer needs the leader, which cannot be asked", "name", r.asked, "error", err)
			return r.pack(reply{rcode: dns.RcodeServerFailure})
		}
	}
	if r.zone != nil {
		return r.pack(r.answer())
	}
	if reverse {
		if ptr := r.pointer(ip); ptr != nil {
			return r.pack(reply{answer: []dns.RR{ptr}})
		}
	}
	return r.recurse(pkt)
}

// load takes the state to answer from, after waiting for it to be new enough.
func (r *request) load() error {
	if r.tooOld(r.set) {
		if err := r.cfg.Fresh(r.ctx); err != nil {
			return err
		}
	}
	r.st = r.cfg.State()
	return nil
}

// answer answers a question about a name in a zone.
func (r *request) answer() reply {
	if r.q.qtype == dns.TypeAXFR || r.q.qtype == dns.TypeIXFR {
		return reply{rcode: dns.RcodeNotImplemented}
	}
	n := &r.q.name
	t := newTarget(n, r.left, r.q.qtype)
	if !r.ours(t.dc) {
		return r.nothing()
	}
	switch t.kind {
	case kindApex:
		return r.apex()
	case kindService:
		service, tag := t.service(n, nil)
		return r.service(string(service), string(tag))
	case kindNode:
		return r.node(string(n.appendFirst(nil, t.parts)))
	case kindQuery:
		return r.query(string(t.query(n)))
	case kindAddr:
		return r.addr(t)
	}
	return r.nothing()
}

// nothing is the answer about a name that does not exist.
func (r *request) nothing() reply {
	return reply{rcode: dns.RcodeNameError, ns: []dns.RR{r.soa()}}
}

// noData is the answer about a name that exists, but has no such records.
func (r *request) noData() reply { return reply{ns: []dns.RR{r.soa()}} }

func (r *request) limits() limits {
	opt := r.msg.IsEdns0()
	var offered uint16
	if opt != nil {
		offered = opt.UDPSize()
	}
	return newLimits(r.set, r.tcp, opt != nil, offered, r.q.qtype)
}

// survive ends the handling of a packet that shows a fault of the program.
// Clients send a question to one server after the other, so a packet that ends
// the process would end the cluster.
func (s *Server) survive(pkt []byte) {
	if fault := recover(); fault != nil {
		s.log.Error("dns packet could not be handled", "packet", hex.EncodeToString(pkt), "panic", fault, "stack", string(debug.Stack()))
	}
}
