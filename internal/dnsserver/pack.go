package dnsserver

import (
	"github.com/miekg/dns"
)

// pack makes a packet of the reply, cut to what the client can take.
func (r *request) pack(a reply) []byte {
	m := new(dns.Msg).SetReply(r.msg)
	m.Rcode = a.rcode
	m.Authoritative = !a.foreign
	m.RecursionAvailable = len(r.cfg.Recursors) > 0
	m.Answer, m.Ns, m.Extra = a.answer, a.ns, a.extra
	m.Truncated = a.cut
	if opt := r.msg.IsEdns0(); opt != nil {
		m.Extra = append(m.Extra, newOPT(opt, a.scoped))
	}
	lim := r.limits()
	if len(m.Answer) > lim.answers {
		m.Answer = m.Answer[:lim.answers]
		m.Truncated = true
	}
	if lim.plain || r.set.DisableCompression {
		trimPlain(m, lim.size)
	} else {
		m.Truncate(lim.size)
	}
	m.Compress = !r.set.DisableCompression
	b, err := m.Pack()
	if err != nil {
		r.log.Warn("dns answer cannot be encoded", "name", r.asked, "error", err)
		return r.failure()
	}
	return b
}

// failure is the SERVFAIL that can always be encoded.
func (r *request) failure() []byte {
	m := new(dns.Msg).SetRcode(r.msg, dns.RcodeServerFailure)
	m.RecursionAvailable = len(r.cfg.Recursors) > 0
	if opt := r.msg.IsEdns0(); opt != nil {
		m.Extra = append(m.Extra, newOPT(opt, false))
	}
	b, err := m.Pack()
	if err != nil {
		return nil // the question itself cannot be said again
	}
	return b
}

// bare answers a packet with nothing but a header. The packet is at least a
// header long.
func bare(pkt []byte, rcode byte) []byte {
	b := make([]byte, headerSize)
	copy(b, pkt[:2])
	b[2] = pkt[2]&(15<<3|bitRD) | bitQR
	b[3] = rcode
	return b
}

// trimPlain takes records off the end until the message fits without any
// compression. What is left out marks it as truncated.
func trimPlain(m *dns.Msg, size int) {
	compress := m.Compress
	m.Compress = false
	defer func() { m.Compress = compress }()
	opt := m.IsEdns0()
	if opt != nil {
		size -= dns.Len(opt)
		m.Extra = m.Extra[:len(m.Extra)-1] // it is the last
	}
	used := headerSize
	for _, q := range m.Question {
		used += len(q.Name) + 1 + 4
	}
	for _, section := range []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra} {
		for i, rr := range *section {
			if used += dns.Len(rr); used > size {
				*section = (*section)[:i]
				m.Truncated = true
				break
			}
		}
	}
	if opt != nil {
		m.Extra = append(m.Extra, opt)
	}
}

// newOPT returns the OPT record that answers the client's. It repeats the size
// offered and the client's subnet; scoped says that the answer is meant for
// this subnet only.
func newOPT(asked *dns.OPT, scoped bool) *dns.OPT {
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(asked.UDPSize())
	opt.SetDo(asked.Do())
	if subnet := subnetOf(asked); subnet != nil {
		echo := *subnet
		echo.SourceScope = 0
		if scoped {
			echo.SourceScope = echo.SourceNetmask
		}
		opt.Option = append(opt.Option, &echo)
	}
	return opt
}

// subnetOf returns the client subnet option, nil if there is none.
func subnetOf(opt *dns.OPT) *dns.EDNS0_SUBNET {
	if opt == nil {
		return nil
	}
	for _, o := range opt.Option {
		if subnet, ok := o.(*dns.EDNS0_SUBNET); ok {
			return subnet
		}
	}
	return nil
}

func countOPT(m *dns.Msg) int {
	n := 0
	for _, rr := range m.Extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			n++
		}
	}
	return n
}
