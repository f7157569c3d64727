package dnsserver

import (
	"encoding/hex"
	"net/netip"

	"github.com/miekg/dns"
)

// addr answers about an address written in hex, as SRV targets have them.
func (r *request) addr(t target) reply {
	if t.parts != 1 {
		return r.nothing()
	}
	b, err := hex.DecodeString(string(r.q.name.label(0)))
	if err != nil {
		return r.nothing()
	}
	ip, ok := netip.AddrFromSlice(b)
	if !ok {
		return r.nothing()
	}
	if r.q.qtype == dns.TypeA || r.q.qtype == dns.TypeAAAA || r.q.qtype == dns.TypeANY {
		if rr := addressRecord(r.asked, ip, r.q.qtype, r.set.nodeTTL); rr != nil {
			return reply{answer: []dns.RR{rr}}
		}
	}
	return r.noData()
}
