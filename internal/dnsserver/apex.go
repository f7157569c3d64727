package dnsserver

import (
	"math/rand/v2"
	"time"

	"github.com/miekg/dns"

	"github.com/registryd/registryd/internal/store"
)

// maxNameServers is how many of the servers are named.
const maxNameServers = 3

// apex answers about the zone's own name.
func (r *request) apex() reply {
	switch r.q.qtype {
	case dns.TypeSOA:
		ns, glue := r.nameServers()
		return reply{answer: []dns.RR{r.soa()}, ns: ns, extra: glue}
	case dns.TypeNS:
		ns, glue := r.nameServers()
		return reply{answer: ns, extra: glue}
	case dns.TypeANY:
		ns, glue := r.nameServers()
		return reply{answer: append([]dns.RR{r.soa()}, ns...), extra: glue}
	}
	return r.nothing()
}

// soa returns the zone's start of authority.
func (r *request) soa() *dns.SOA {
	s := r.set.SOA
	return &dns.SOA{
		Hdr:     header(r.zone.text, dns.TypeSOA, s.MinTTL),
		Ns:      "ns." + r.zone.text,
		Mbox:    "hostmaster." + r.zone.text,
		Serial:  uint32(time.Now().Unix()),
		Refresh: s.Refresh,
		Retry:   s.Retry,
		Expire:  s.Expire,
		Minttl:  s.MinTTL,
	}
}

// nameServers returns some servers that are well, by chance, with their
// addresses.
func (r *request) nameServers() (ns, glue []dns.RR) {
	v, _ := r.st.Service(store.ServerService)
	if v == nil {
		return nil, nil
	}
	ttl := r.set.nodeTTL
	l := choose(v.Instances, "", r.set.OnlyPassing)
	for _, n := range rand.Perm(len(l)) {
		name := r.zone.nodeName(l[n].Node)
		if name == "" {
			continue
		}
		ns = append(ns, &dns.NS{Hdr: header(r.zone.text, dns.TypeNS, ttl), Ns: name})
		p := newPlace(l[n].Node.Address)
		if rr := addressRecord(name, p.ip, dns.TypeANY, ttl); rr != nil {
			glue = append(glue, rr)
		}
		if len(ns) == maxNameServers {
			break
		}
	}
	return ns, glue
}
