package dnsserver

import (
	"encoding/hex"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// place is where an instance or a node is: at an IP, or at a name that has to
// be looked up, or nowhere.
type place struct {
	ip   netip.Addr
	host string // with the final dot
	own  bool   // the instance's own, not its node's
}

// newPlace reads an address from the catalog.
func newPlace(address string) place {
	if address == "" {
		return place{}
	}
	if ip, err := netip.ParseAddr(address); err == nil {
		return place{ip: ip.Unmap().WithZone("")}
	}
	host := dns.Fqdn(address)
	if _, err := packName(host); err != nil {
		return place{}
	}
	return place{host: host}
}

// placeOf returns where the instance is: at its own address, else its node's.
// An own address that is the very name asked for leads nowhere and does not
// count; asked may be empty.
func placeOf(i *store.Instance, asked string) place {
	if own := newPlace(i.Service.Address); own != (place{}) && (own.host == "" || !strings.EqualFold(own.host, asked)) {
		own.own = true
		return own
	}
	return newPlace(i.Node.Address)
}

func header(owner string, rtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: rtype, Class: dns.ClassINET, Ttl: ttl}
}

// addressRecord returns the A or AAAA record of an IP, nil if a question of
// this type does not want it. Questions for TXT get addresses, as Consul gives
// them, and SRV wants them as additions.
func addressRecord(owner string, ip netip.Addr, qtype uint16, ttl uint32) dns.RR {
	switch qtype {
	case dns.TypeANY, dns.TypeTXT, dns.TypeSRV:
	case dns.TypeA:
		if !ip.Is4() {
			return nil
		}
	case dns.TypeAAAA:
		if !ip.Is6() {
			return nil
		}
	default:
		return nil
	}
	switch {
	case ip.Is4():
		return &dns.A{Hdr: header(owner, dns.TypeA, ttl), A: ip.AsSlice()}
	case ip.Is6():
		return &dns.AAAA{Hdr: header(owner, dns.TypeAAAA, ttl), AAAA: ip.AsSlice()}
	}
	return nil
}

// srvRecord returns the SRV record of an instance and the address record of
// its target. The latter is nil when the target is a name of somebody else's,
// or has no address.
func srvRecord(z *zone, owner string, i *store.Instance, p place, ttl uint32) (*dns.SRV, dns.RR) {
	srv := &dns.SRV{
		Hdr:      header(owner, dns.TypeSRV, ttl),
		Priority: 1,
		Weight:   weight(i),
		Port:     uint16(min(max(i.Service.Port, 0), 65535)),
	}
	if p.host != "" {
		srv.Target = p.host
		return srv, nil
	}
	if !p.own {
		srv.Target = z.nodeName(i.Node)
	}
	if srv.Target == "" && p.ip.IsValid() {
		srv.Target = hex.EncodeToString(p.ip.AsSlice()) + ".addr." + z.dcOf(i.Node.Datacenter) + "." + z.text
	}
	if srv.Target == "" {
		return nil, nil
	}
	return srv, addressRecord(srv.Target, p.ip, dns.TypeSRV, ttl)
}

// weight is the instance's share in its present state. Checks that are
// neither passing nor warning never get here.
func weight(i *store.Instance) uint16 {
	w := i.Service.Weights
	if w == nil {
		return 1
	}
	share := w.Passing
	if i.Status == api.Warning {
		share = w.Warning
	}
	return uint16(min(max(share, 0), 65535))
}

// metaRecords returns a node's metadata, a TXT record for each key, in order
// of the keys.
func metaRecords(owner string, n *api.Node, ttl uint32) []dns.RR {
	if owner == "" {
		return nil
	}
	var l []dns.RR
	for _, text := range metaTexts(n.Meta) {
		l = append(l, &dns.TXT{Hdr: header(owner, dns.TypeTXT, ttl), Txt: text})
	}
	return l
}

// choose returns the instances that may be named in an answer: those with the
// tag (empty means any), in a state fit for use. The result is not a part of l.
func choose(l []*store.Instance, tag string, onlyPassing bool) []*store.Instance {
	var chosen []*store.Instance
	for _, i := range l {
		if fit(i, onlyPassing) && (tag == "" || tagged(i.Service, tag)) {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

func fit(i *store.Instance, onlyPassing bool) bool {
	return i.Status == api.Passing || i.Status == api.Warning && !onlyPassing
}

func tagged(s *api.Service, tag string) bool {
	for _, t := range s.Tags {
		if strings.EqualFold(t, tag) {
			return true
		}
	}
	return false
}
