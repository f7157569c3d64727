package dnsserver

import (
	"math/rand/v2"
	"net/netip"

	"github.com/miekg/dns"

	"github.com/registryd/registryd/internal/store"
)

// service answers about a service, or its instances with the tag.
func (r *request) service(name, tag string) reply {
	v, _ := r.st.Service(name)
	if v == nil {
		return r.nothing()
	}
	l := choose(v.Instances, tag, r.set.OnlyPassing)
	rand.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
	return r.instances(l, r.set.ttls.of(v.Name))
}

// instances answers with the instances in the order given; without any, the
// name does not exist.
func (r *request) instances(l []*store.Instance, ttl uint32) reply {
	if len(l) == 0 {
		return r.nothing()
	}
	var a reply
	if r.q.qtype == dns.TypeSRV {
		a = r.srv(l, ttl)
	} else {
		a = r.addresses(l, ttl)
	}
	if len(a.answer) == 0 {
		return r.noData()
	}
	return a
}

// addresses answers with IPs, or, only if there are none, with the first name
// that stands for an instance and what is known of it.
func (r *request) addresses(l []*store.Instance, ttl uint32) (a reply) {
	places := make([]place, len(l))
	for n, i := range l {
		places[n] = placeOf(i, r.asked)
	}
	a.answer = addressRecords(places, r.asked, r.q.qtype, ttl)
	if limit := r.set.ARecordLimit; limit > 0 && len(a.answer) > limit {
		a.answer = a.answer[:limit]
	}
	if len(a.answer) > 0 {
		return a
	}
	for _, p := range places {
		if p.host != "" {
			a.answer = r.alias(p.host, ttl)
			break
		}
	}
	return a
}

// addressRecords returns the records of the places' IPs that a question of
// this type wants, each once.
func addressRecords(places []place, owner string, qtype uint16, ttl uint32) []dns.RR {
	var l []dns.RR
	known := map[netip.Addr]bool{}
	for _, p := range places {
		if !p.ip.IsValid() || known[p.ip] {
			continue
		}
		if rr := addressRecord(owner, p.ip, qtype, ttl); rr != nil {
			known[p.ip] = true
			l = append(l, rr)
		}
	}
	return l
}

// srv answers with SRV records, as many as may be, and with the addresses and
// the metadata of those.
func (r *request) srv(l []*store.Instance, ttl uint32) (a reply) {
	limit := r.limits().answers
	var texts []dns.RR
	known := map[dns.SRV]bool{}
	for _, i := range l {
		p := placeOf(i, r.asked)
		srv, address := srvRecord(r.zone, r.asked, i, p, ttl)
		if srv == nil || known[*srv] {
			continue
		}
		if len(a.answer) == limit {
			a.cut = true
			break
		}
		known[*srv] = true
		a.answer = append(a.answer, srv)
		if address != nil {
			a.extra = append(a.extra, address)
		} else if p.host != "" {
			a.extra = append(a.extra, r.follow(p.host, ttl)...)
		}
		if r.set.NodeMetaTXT {
			texts = append(texts, metaRecords(r.zone.nodeName(i.Node), i.Node, ttl)...)
		}
	}
	a.extra = dns.Dedup(append(a.extra, texts...), nil)
	return a
}
