package dnsserver

import (
	"net/netip"

	"github.com/miekg/dns"

	"github.com/registryd/registryd/internal/store"
)

// arpa reports whether the name is in the tree of reverse names.
func (n *name) arpa() bool { return n.labels > 0 && string(n.label(n.labels-1)) == "arpa" }

// reverse returns the address that a name below in-addr.arpa or ip6.arpa
// stands for.
func (n *name) reverse() (netip.Addr, bool) {
	last := n.labels - 2
	if last < 4 || !n.arpa() {
		return netip.Addr{}, false
	}
	switch string(n.label(last)) {
	case "in-addr":
		if last != 4 {
			break
		}
		text := n.label(3)
		for i := 2; i >= 0; i-- {
			text = append(append(text[:len(text):len(text)], '.'), n.label(i)...)
		}
		ip, err := netip.ParseAddr(string(text))
		return ip, err == nil && ip.Is4()
	case "ip6":
		if last != 32 {
			break
		}
		var b [16]byte
		for i := range 32 {
			l := n.label(31 - i)
			if len(l) != 1 {
				return netip.Addr{}, false
			}
			d, ok := nibble(l[0])
			if !ok {
				return netip.Addr{}, false
			}
			b[i/2] = b[i/2]<<4 | d
		}
		return netip.AddrFrom16(b), true
	}
	return netip.Addr{}, false
}

func nibble(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// pointer returns the PTR record of an address: to the node that has it, else
// to the service with an instance there; nil if nobody has it or another type
// is asked for.
func (r *request) pointer(ip netip.Addr) dns.RR {
	if r.q.qtype != dns.TypePTR && r.q.qtype != dns.TypeANY {
		return nil
	}
	target := r.nodesByAddress()[ip]
	if target == "" {
		target = r.servicesByAddress()[ip]
	}
	if target == "" {
		return nil
	}
	return &dns.PTR{Hdr: header(r.asked, dns.TypePTR, 0), Ptr: target}
}

// nodesByAddress maps each node's address to its name in DNS. The map is kept
// as long as no node changes. Of nodes with one address the first by name has
// it.
func (r *request) nodesByAddress() map[netip.Addr]string {
	build := func() any {
		m := map[netip.Addr]string{}
		r.st.Nodes(func(v *store.NodeView) bool {
			if ip := newPlace(v.Node.Address).ip; ip.IsValid() && m[ip] == "" {
				m[ip] = r.primary.nodeName(v.Node)
			}
			return true
		})
		return m
	}
	key := store.CacheKey{Door: 'd', Arg: "ptr"}
	return r.st.Table(store.TableNodes).Cache.Get(key, build).(map[netip.Addr]string)
}

// servicesByAddress does the same for instances with an address of their own.
func (r *request) servicesByAddress() map[netip.Addr]string {
	build := func() any {
		m := map[netip.Addr]string{}
		r.st.Services(func(v *store.ServiceView) bool {
			// With the datacenter, as Consul answers and as a node's name has it.
			name := escape(v.Name) + ".service." + r.primary.dc + "." + r.primary.text
			if _, err := packName(name); err != nil {
				return true
			}
			for _, i := range v.Instances {
				if ip := newPlace(i.Service.Address).ip; ip.IsValid() && m[ip] == "" {
					m[ip] = name
				}
			}
			return true
		})
		return m
	}
	key := store.CacheKey{Door: 'd', Arg: "ptr"}
	return r.st.Table(store.TableServices).Cache.Get(key, build).(map[netip.Addr]string)
}
