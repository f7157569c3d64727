package dnsserver

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/registryd/registryd/pkg/api"
)

// zone is a domain the server answers for.
type zone struct {
	index int    // 0 for the domain, 1 for the alternative one
	text  string // lower case, with the final dot
	wire  []byte // the same as in a packet
	dc    string // for names of nodes that do not say theirs
}

func newZone(domain, dc string) (*zone, error) {
	z := &zone{text: dns.Fqdn(strings.ToLower(domain)), dc: dc}
	if z.text == "." {
		return nil, fmt.Errorf("%q is not a domain to answer for", domain)
	}
	var err error
	if z.wire, err = packName(z.text); err != nil {
		return nil, fmt.Errorf("%q is not a domain name: %w", domain, err)
	}
	if _, err := packName(dc + "." + z.text); err != nil || dc == "" {
		return nil, fmt.Errorf("datacenter %q cannot be part of a name under %s", dc, z.text)
	}
	return z, nil
}

// cut returns how many labels of the name come before the zone's; false if
// the name is outside the zone.
func (z *zone) cut(n *name) (int, bool) {
	at := n.size - len(z.wire)
	if at < 0 || !bytes.Equal(n.wire[at:n.size], z.wire) {
		return 0, false
	}
	// The bytes may agree by chance inside a label.
	for i := n.labels - 1; i >= 0; i-- {
		if int(n.start[i]) == at {
			return i, true
		}
	}
	return 0, false
}

// zoneOf returns the zone that the name is in, nil if in none, and how many
// labels come before it.
func (s *Server) zoneOf(n *name) (*zone, int) {
	for _, z := range s.zones {
		if left, ok := z.cut(n); ok {
			return z, left
		}
	}
	return nil, 0
}

// nodeName is the name of a node, NODE.node.DC.DOMAIN; empty if the catalog's
// name cannot be written as one.
func (z *zone) nodeName(n *api.Node) string {
	s := escape(n.Node) + ".node." + z.dcOf(n.Datacenter) + "." + z.text
	if _, err := packName(s); err != nil {
		return ""
	}
	return s
}

func (z *zone) dcOf(dc string) string {
	if dc == "" {
		return z.dc
	}
	return escape(strings.ToLower(dc))
}

// packName returns the wire form of a name in text form.
func packName(s string) ([]byte, error) {
	b := make([]byte, maxName+1)
	n, err := dns.PackDomainName(s, b, 0, nil, false)
	if err != nil {
		return nil, err
	}
	return b[:n], nil
}

// escape makes any bytes safe in a name's text form. Dots stay: they part
// labels, and the way back joins the labels again.
func escape(s string) string {
	plain := func(c byte) bool {
		return c == '.' || c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	odd := 0
	for i := range len(s) {
		if !plain(s[i]) {
			odd++
		}
	}
	if odd == 0 {
		return s
	}
	b := make([]byte, 0, len(s)+3*odd)
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		}
	}
	return string(b)
}
