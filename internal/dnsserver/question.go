package dnsserver

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

const (
	headerSize = 12
	optSize    = 11 // of an OPT record without options
)

// Bits of the third and fourth byte of a header.
const (
	bitQR = 0x80 // third byte: it is an answer
	bitAA = 0x04
	bitTC = 0x02
	bitRD = 0x01
	bitRA = 0x80 // fourth byte
	bitCD = 0x10
)

// question is what a packet asks, read by hand and into place.
type question struct {
	name   name
	qtype  uint16
	qclass uint16
	end    int // where in the packet the question ends

	// The OPT record.
	edns    bool
	size    uint16 // the answer size offered, as offered
	dnssec  bool   // the DO bit
	special bool   // it has something that the fast way cannot answer
}

// parse reads a packet whose header asks one plain question. It reports
// whether the question could be read; if not, the fields mean nothing.
func (q *question) parse(pkt []byte) bool {
	if len(pkt) < headerSize || pkt[4] != 0 || pkt[5] != 1 {
		return false
	}
	n := q.name.parse(pkt[headerSize:])
	q.end = headerSize + n + 4
	if n == 0 || q.end > len(pkt) {
		return false
	}
	q.qtype = binary.BigEndian.Uint16(pkt[q.end-4:])
	q.qclass = binary.BigEndian.Uint16(pkt[q.end-2:])
	q.edns, q.size, q.dnssec, q.special = false, 0, false, false
	q.parseRest(pkt)
	return true
}

// parseRest reads what follows the question. The one thing it understands is
// an OPT record whose options need no answer; with all else, damage included,
// the question is special.
func (q *question) parseRest(pkt []byte) {
	rest := pkt[q.end:]
	if binary.BigEndian.Uint32(pkt[6:]) != 0 || pkt[10] != 0 || pkt[11] > 1 {
		q.special = true
		return
	}
	if pkt[11] == 0 {
		q.special = len(rest) != 0
		return
	}
	if len(rest) < optSize || rest[0] != 0 || binary.BigEndian.Uint16(rest[1:]) != dns.TypeOPT ||
		rest[5] != 0 || rest[6] != 0 || // extended code and version
		int(binary.BigEndian.Uint16(rest[9:])) != len(rest)-optSize {
		q.special = true
		return
	}
	q.edns = true
	q.size = binary.BigEndian.Uint16(rest[3:])
	q.dnssec = rest[7]&0x80 != 0
	for options := rest[optSize:]; len(options) > 0; {
		if len(options) < 4 || binary.BigEndian.Uint16(options) == dns.EDNS0SUBNET {
			q.special = true
			return
		}
		l := 4 + int(binary.BigEndian.Uint16(options[2:]))
		if l > len(options) {
			q.special = true
			return
		}
		options = options[l:]
	}
}

// appendOPT appends the OPT record that goes with the answer.
func (q *question) appendOPT(b []byte) []byte {
	var do byte
	if q.dnssec {
		do = 0x80
	}
	return append(b, 0, 0, byte(dns.TypeOPT), byte(q.size>>8), byte(q.size), 0, 0, do, 0, 0, 0)
}
