package dnsserver

import (
	"github.com/miekg/dns"
)

// node answers about a node. Its checks do not matter: the question is where
// it is, not how it is.
func (r *request) node(name string) (a reply) {
	v, _ := r.st.Node(name)
	if v == nil {
		return r.nothing()
	}
	ttl := r.set.nodeTTL
	meta := func() []dns.RR { return metaRecords(r.asked, v.Node, ttl) }
	switch r.q.qtype {
	case dns.TypeTXT:
		a.answer = meta()
		return a
	case dns.TypeA, dns.TypeAAAA, dns.TypeANY:
	default:
		return a
	}
	p := newPlace(v.Node.Address)
	if p.host != "" {
		a.answer = r.alias(p.host, ttl)
	} else if rr := addressRecord(r.asked, p.ip, r.q.qtype, ttl); rr != nil {
		a.answer = append(a.answer, rr)
	}
	if r.q.qtype == dns.TypeANY {
		a.answer = append(a.answer, meta()...)
	} else if r.set.NodeMetaTXT {
		a.extra = meta()
	}
	return a
}
