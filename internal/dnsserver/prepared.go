package dnsserver

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/registryd/registryd/internal/store"
)

// prepared is what a service's view keeps for this door: the instances fit to
// be named, and their records as they go into a packet. It is one entry of the
// view's cache whatever is asked, so odd questions cannot crowd out the answers
// that other doors keep there.
type prepared struct {
	settings *settings // what it was made with
	all      answerSet
	byTag    atomic.Pointer[map[string]*answerSet] // by tag in lower case; replaced, never changed
	mu       sync.Mutex                            // held while byTag is replaced
}

// maxTags is how many tags of a service keep their records; those of more
// tags are made for each question.
const maxTags = 64

// slot is the cache entry: the prepared records for the present settings.
type slot struct{ p atomic.Pointer[prepared] }

func newSlot() any { return &slot{} }

// preparedOf returns what the view has prepared, made if need be.
func preparedOf(v *store.ServiceView, set *settings) *prepared {
	sl := v.Cache.Get(store.CacheKey{Door: 'd'}, newSlot).(*slot)
	p := sl.p.Load()
	if p == nil || p.settings != set {
		p = &prepared{settings: set}
		p.all.instances = choose(v.Instances, "", set.OnlyPassing)
		p.all.ttl = set.ttls.of(v.Name)
		sl.p.Store(p)
	}
	return p
}

// tagged returns the set of the instances with the tag.
func (p *prepared) tagged(tag []byte) *answerSet {
	if m := p.byTag.Load(); m != nil {
		if s, ok := (*m)[string(tag)]; ok {
			return s
		}
	}
	s := &answerSet{instances: choose(p.all.instances, string(tag), p.settings.OnlyPassing), ttl: p.all.ttl}
	if len(s.instances) == 0 {
		return s // not kept: anybody can make up tags
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	next := map[string]*answerSet{}
	if m := p.byTag.Load(); m != nil {
		if kept, ok := (*m)[string(tag)]; ok {
			return kept
		}
		if len(*m) >= maxTags {
			return s
		}
		for k, v := range *m {
			next[k] = v
		}
	}
	next[string(tag)] = s
	p.byTag.Store(&next)
	return s
}

// answerSet is some instances of a service and the records that name them,
// each list made when it is first asked for.
type answerSet struct {
	instances []*store.Instance
	ttl       uint32

	a, aaaa lazyList
	srv     [2]lazyList // by zone.index: targets are names in the zone
}

type lazyList struct {
	once sync.Once
	list recordList
}

// recordList is encoded answers to choose from, with what they bring along.
type recordList struct {
	// general is set when an instance is found at a name, which may have to be
	// looked up elsewhere: then nothing is prepared.
	general bool
	items   []item
	extras  []extra
}

// item is one answer.
type item struct {
	body []byte // the record without its owner, which is the name asked for
	// target is where in body the name begins that the addresses below belong
	// to, 0 if there is none.
	target    int
	addresses []uint32 // extras
	texts     []uint32 // extras, less important
}

// extra is a record of the additional section.
type extra struct {
	owner []byte // in wire form
	body  []byte // what comes after it
}

// records returns the list for the type, nil if it is not of the types that
// are prepared.
func (s *answerSet) records(qtype uint16, z *zone, set *settings) *recordList {
	var l *lazyList
	switch qtype {
	case dns.TypeA:
		l = &s.a
	case dns.TypeAAAA:
		l = &s.aaaa
	case dns.TypeSRV:
		l = &s.srv[z.index]
	default:
		return nil
	}
	l.once.Do(func() {
		if qtype == dns.TypeSRV {
			l.list = s.encodeSRV(z, set)
		} else {
			l.list = s.encodeAddresses(qtype)
		}
	})
	return &l.list
}

func (s *answerSet) encodeAddresses(qtype uint16) (l recordList) {
	places, general := s.places()
	if general {
		return recordList{general: true}
	}
	for _, rr := range addressRecords(places, ".", qtype, s.ttl) {
		if body := encode(rr); body != nil {
			l.items = append(l.items, item{body: body})
		}
	}
	return l
}

func (s *answerSet) encodeSRV(z *zone, set *settings) (l recordList) {
	places, general := s.places()
	if general {
		return recordList{general: true}
	}
	known := map[string]uint32{}
	add := func(rr dns.RR) (uint32, bool) {
		owner, err := packName(rr.Header().Name)
		body := encode(rr)
		if err != nil || body == nil {
			return 0, false
		}
		key := string(owner) + string(body)
		n, ok := known[key]
		if !ok {
			n = uint32(len(l.extras))
			l.extras = append(l.extras, extra{owner, body})
			known[key] = n
		}
		return n, true
	}
	answers := map[string]bool{}
	for n, i := range s.instances {
		srv, address := srvRecord(z, ".", i, places[n], s.ttl)
		if srv == nil {
			continue
		}
		it := item{body: encode(srv), target: srvTarget}
		if it.body == nil || answers[string(it.body)] {
			continue
		}
		answers[string(it.body)] = true
		if address != nil {
			if n, ok := add(address); ok {
				it.addresses = append(it.addresses, n)
			}
		}
		if set.NodeMetaTXT {
			for _, rr := range metaRecords(z.nodeName(i.Node), i.Node, s.ttl) {
				if n, ok := add(rr); ok {
					it.texts = append(it.texts, n)
				}
			}
		}
		l.items = append(l.items, it)
	}
	return l
}

// places returns where the instances are; general if one is at a name.
func (s *answerSet) places() (l []place, general bool) {
	for _, i := range s.instances {
		p := placeOf(i, "")
		general = general || p.host != ""
		l = append(l, p)
	}
	return l, general
}

// srvTarget is where the target begins in the body of an SRV record: after
// type, class, TTL and length, priority, weight and port.
const srvTarget = 2 + 2 + 4 + 2 + 2 + 2 + 2

// encode returns a record without its owner, nil if it cannot be encoded.
func encode(rr dns.RR) []byte {
	b := make([]byte, dns.Len(rr)+1)
	owner, err := dns.PackDomainName(rr.Header().Name, b, 0, nil, false)
	if err != nil {
		return nil
	}
	end, err := dns.PackRR(rr, b, 0, nil, false)
	if err != nil || int(binary.BigEndian.Uint16(b[owner+8:])) != end-owner-10 {
		return nil
	}
	return b[owner:end:end]
}
