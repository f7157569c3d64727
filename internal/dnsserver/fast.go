package dnsserver

import (
	"math/rand/v2"

	"github.com/miekg/dns"

	"github.com/registryd/registryd/internal/store"
)

// scratch is the memory of one goroutine that answers questions, used again
// for each.
type scratch struct {
	in    []byte
	out   []byte
	q     question
	tag   []byte
	order []uint32 // item numbers, shuffled as far as needed
	at    []int    // where in the answer each item's target begins
	seen  []bool   // which extras are in the answer

	local bool // the last question was about a name of ours
}

// maxQuery is the longest question read over UDP, in bytes. Questions that
// people ask have less than 512; what is longer reads as damaged.
const maxQuery = 4096

func newScratch() *scratch {
	return &scratch{in: make([]byte, maxQuery), out: make([]byte, 0, maxQuery)}
}

// fast answers the packet if it asks in the common way for addresses or SRV
// records of a service that has them; else it returns nil and leaves the
// packet to the general way. The answer is valid until the next call with the
// same scratch. It waits for nobody and allocates nothing once its scratch has
// grown.
func (s *Server) fast(pkt []byte, tcp bool, c *scratch) []byte {
	defer s.survive(pkt)
	q := &c.q
	c.local = false
	if !q.parse(pkt) {
		return nil
	}
	z, left := s.zoneOf(&q.name)
	if z == nil {
		return nil
	}
	c.local = true
	// An ordinary query, not an answer, not a part of one.
	if pkt[2]&^bitRD != 0 || q.qclass != dns.ClassINET || q.special {
		return nil
	}
	if q.qtype != dns.TypeA && q.qtype != dns.TypeAAAA && q.qtype != dns.TypeSRV {
		return nil
	}
	set := s.settings.Load()
	if set.DisableCompression || s.tooOld(set) {
		return nil
	}
	t := newTarget(&q.name, left, q.qtype)
	if t.kind != kindService || !s.ours(t.dc) {
		return nil
	}
	l := c.find(s.cfg.State(), t, z, set)
	if l == nil || l.general || len(l.items) == 0 {
		return nil
	}
	lim := newLimits(set, tcp, q.edns, q.size, q.qtype)
	return c.assemble(pkt, l, lim, set, len(s.cfg.Recursors) > 0)
}

// find returns the records of the service, nil if there are none at hand.
func (c *scratch) find(st *store.State, t target, z *zone, set *settings) *recordList {
	service, tag := t.service(&c.q.name, c.tag[:0])
	c.tag = tag[:0]
	v, _ := st.Service(string(service))
	if v == nil {
		return nil
	}
	p := preparedOf(v, set)
	as := &p.all
	if len(tag) > 0 {
		as = p.tagged(tag)
	}
	return as.records(c.q.qtype, z, set)
}

// tooOld reports whether the settings forbid to answer from a state as old as
// the present one.
func (s *Server) tooOld(set *settings) bool {
	if s.cfg.Fresh == nil {
		return false
	}
	return !set.AllowStale || s.cfg.Staleness != nil && s.cfg.Staleness() > set.MaxStale
}

// ours reports whether the datacenter of a name, in lower case, is this one.
func (s *Server) ours(dc []byte) bool { return dc == nil || string(dc) == s.dc }

// questionPointer stands for the name asked for, which begins after the header.
var questionPointer = [2]byte{0xc0, headerSize}

// assemble writes the answer: as many of the list's items as the limits allow,
// chosen and ordered by chance, then what they bring along, for as long as it
// fits.
func (c *scratch) assemble(pkt []byte, l *recordList, lim limits, set *settings, recursion bool) []byte {
	q := &c.q
	b := append(c.out[:0], pkt[:q.end]...)
	want := len(l.items)
	if set.ARecordLimit > 0 && q.qtype != dns.TypeSRV {
		want = min(want, set.ARecordLimit)
	}
	cut := want > lim.answers
	want = min(want, lim.answers)

	room := lim.size - q.end
	if q.edns {
		room -= optSize
	}
	owner := len(questionPointer)
	if lim.plain {
		owner = q.name.size
	}
	c.shuffle(len(l.items))
	c.at = c.at[:0]
	full := false // nothing may follow a record that did not fit
	for n := 0; n < want; n++ {
		c.draw(n)
		it := &l.items[c.order[n]]
		if room -= owner + len(it.body); room < 0 {
			full = true
			break
		}
		c.at = append(c.at, len(b)+len(questionPointer)+it.target)
		b = append(b, questionPointer[:]...)
		b = append(b, it.body...)
	}
	extras := 0
	if len(l.extras) > 0 && !full {
		b, extras, full = c.assembleExtras(b, l, room, lim.plain)
	}
	answers := len(c.at)
	if q.edns {
		b = q.appendOPT(b)
		extras++
	}
	b[2] = bitQR | bitAA | pkt[2]&bitRD
	if cut || full {
		b[2] |= bitTC
	}
	b[3] = pkt[3] & bitCD
	if recursion {
		b[3] |= bitRA
	}
	b[6], b[7] = byte(answers>>8), byte(answers)
	b[8], b[9] = 0, 0
	b[10], b[11] = byte(extras>>8), byte(extras)
	c.out = b
	return b
}

// assembleExtras appends what the chosen items bring along, each record once,
// addresses first. It reports how many there are and whether one did not fit.
func (c *scratch) assembleExtras(b []byte, l *recordList, room int, plain bool) (_ []byte, count int, full bool) {
	c.seen = append(c.seen[:0], make([]bool, len(l.extras))...)
	for _, texts := range [...]bool{false, true} {
		for n, at := range c.at {
			it := &l.items[c.order[n]]
			list := it.addresses
			if texts {
				list = it.texts
			}
			for _, x := range list {
				if c.seen[x] {
					continue
				}
				c.seen[x] = true
				e := &l.extras[x]
				pointer := !texts && at < 1<<14 // farther no pointer reaches
				cost := len(e.owner) + len(e.body)
				if pointer && !plain {
					cost = 2 + len(e.body)
				}
				if room -= cost; room < 0 {
					return b, count, true
				}
				if pointer {
					b = append(b, 0xc0|byte(at>>8), byte(at))
				} else {
					b = append(b, e.owner...)
				}
				b = append(b, e.body...)
				count++
			}
		}
	}
	return b, count, false
}

// shuffle gets ready to draw from n items.
func (c *scratch) shuffle(n int) {
	c.order = c.order[:0]
	for i := range n {
		c.order = append(c.order, uint32(i))
	}
}

// draw decides by chance which of the items not yet drawn is the n-th.
func (c *scratch) draw(n int) {
	j := n + int(rand.Uint32N(uint32(len(c.order)-n)))
	c.order[n], c.order[j] = c.order[j], c.order[n]
}
