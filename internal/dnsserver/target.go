package dnsserver

import "github.com/miekg/dns"

// kind is what sort of thing a name below a zone asks about.
type kind uint8

const (
	kindNone    kind = iota // nothing that can exist
	kindApex                // the zone itself
	kindService             // a service, perhaps with a tag
	kindNode
	kindQuery // a prepared query
	kindAddr  // an address written in hex
)

// target says which labels of a name mean what.
type target struct {
	kind  kind
	parts int    // how many labels stand before the kind
	dc    []byte // the datacenter named; nil means ours
}

// newTarget reads a name that has left labels before its zone's. The kind is
// the last word that can be one, so services, tags and nodes may be called as
// they like.
func newTarget(n *name, left int, qtype uint16) target {
	if left == 0 {
		return target{kind: kindApex}
	}
	for i := left - 1; i >= 0; i-- {
		t := target{parts: i}
		suffix := i + 1
		switch label := n.label(i); string(label) {
		case "service":
			t.kind = kindService
		case "node":
			t.kind = kindNode
		case "query":
			t.kind = kindQuery
		case "addr":
			t.kind = kindAddr
		case "connect", "ingress", "virtual":
			return target{} // the mesh, which is not served
		default:
			if qtype != dns.TypeSRV || label[0] != '_' {
				continue
			}
			// _NAME._tcp may do without the word.
			t.kind, t.parts = kindService, i+1
		}
		switch left - suffix {
		case 0:
		case 2:
			if string(n.label(suffix+1)) != "dc" {
				return target{}
			}
			t.dc = n.label(suffix)
		case 1:
			t.dc = n.label(suffix)
		default:
			return target{}
		}
		if t.parts == 0 {
			return target{}
		}
		return t
	}
	return target{}
}

// service returns the service's name and appends the tag to b, nothing if
// there is none.
func (t target) service(n *name, b []byte) (service, tag []byte) {
	first, last := n.label(0), n.label(t.parts-1)
	if t.parts == 2 && first[0] == '_' && last[0] == '_' { // RFC 2782
		if tag := last[1:]; string(tag) != "tcp" {
			b = append(b, tag...)
		}
		return first[1:], b
	}
	return last, n.appendFirst(b, t.parts-1)
}

// query returns the name or ID of the prepared query.
func (t target) query(n *name) []byte {
	if t.parts >= 2 && n.label(0)[0] == '_' && n.label(t.parts - 1)[0] == '_' { // RFC 2782
		return n.appendFirst(nil, t.parts-1)[1:]
	}
	return n.appendFirst(nil, t.parts)
}
