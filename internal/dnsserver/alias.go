package dnsserver

import "github.com/miekg/dns"

const (
	// maxChain is how many names of our own an answer may be led on to.
	maxChain = 3
	// maxFollowed is how many records may come from following one name when
	// the client has no EDNS.
	maxFollowed = 5
)

// alias returns a CNAME record to the host and what following it gives, each
// record once even if the names lead in a circle.
func (r *request) alias(host string, ttl uint32) []dns.RR {
	cname := &dns.CNAME{Hdr: header(r.asked, dns.TypeCNAME, ttl), Target: host}
	return dns.Dedup(append([]dns.RR{cname}, r.follow(host, ttl)...), nil)
}

// follow returns the addresses of a host, with the aliases on the way to them;
// nothing if they cannot be had. The records get the TTL of what led to them,
// since that is the truth they hang on.
func (r *request) follow(host string, ttl uint32) []dns.RR {
	var l []dns.RR
	for _, rr := range r.lookUp(host) {
		switch rr.Header().Rrtype {
		case dns.TypeA, dns.TypeAAAA, dns.TypeCNAME:
			rr.Header().Ttl = ttl
			l = append(l, rr)
		}
	}
	if r.msg.IsEdns0() == nil && len(l) > maxFollowed {
		l = l[:maxFollowed]
	}
	return l
}

// lookUp asks for the addresses of a host: ourselves if it is a name of ours,
// else the recursors.
func (r *request) lookUp(host string) []dns.RR {
	qtype := r.q.qtype
	switch qtype {
	case dns.TypeA, dns.TypeAAAA, dns.TypeANY:
	default:
		qtype = dns.TypeANY
	}
	wire, err := packName(host)
	if err != nil {
		return nil
	}
	next := *r
	next.q.name.parse(wire)
	next.q.qtype = qtype
	next.asked = host
	if next.zone, next.left = r.zoneOf(&next.q.name); next.zone != nil {
		if next.depth--; next.depth < 0 {
			return nil
		}
		return next.answer().answer
	}
	if len(r.cfg.Recursors) == 0 {
		return nil
	}
	if qtype == dns.TypeANY {
		qtype = dns.TypeA // ANY is refused by many
	}
	ask := new(dns.Msg).SetQuestion(host, qtype)
	pkt, err := ask.Pack()
	if err != nil {
		return nil
	}
	b := r.askRecursors(r.ctx, r.set, pkt, false)
	var m dns.Msg
	if b == nil || m.Unpack(b) != nil {
		return nil
	}
	return m.Answer
}
