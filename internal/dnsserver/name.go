package dnsserver

// maxName is the longest a name may be in a packet, in bytes (RFC 1035,
// section 2.3.4).
const maxName = 255

// name is a domain name as it is in a packet, in lower case. It is read into
// place, so that reading one costs no memory.
type name struct {
	wire   [maxName]byte
	size   int        // bytes of wire in use, the final zero included
	start  [128]uint8 // where in wire each label's length byte is
	labels int        // how many, the root not counted
}

// parse reads the name that b begins with and returns its size in bytes, 0 if
// it is malformed. A compressed name counts as malformed: there is nothing
// before a question that it could point to.
func (n *name) parse(b []byte) int {
	n.size, n.labels = 0, 0
	for at := 0; at < len(b); {
		l := int(b[at])
		if l == 0 {
			n.wire[at] = 0
			n.size = at + 1
			return n.size
		}
		next := at + 1 + l
		if l > 63 || next >= maxName || next > len(b) {
			return 0
		}
		n.start[n.labels] = uint8(at)
		n.labels++
		n.wire[at] = b[at]
		for i := at + 1; i < next; i++ {
			c := b[i]
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			n.wire[i] = c
		}
		at = next
	}
	return 0
}

// label returns the i-th label, counted from the left.
func (n *name) label(i int) []byte {
	at := int(n.start[i])
	return n.wire[at+1 : at+1+int(n.wire[at])]
}

// appendFirst appends the first count labels, joined with dots.
func (n *name) appendFirst(b []byte, count int) []byte {
	for i := range count {
		if i > 0 {
			b = append(b, '.')
		}
		b = append(b, n.label(i)...)
	}
	return b
}
