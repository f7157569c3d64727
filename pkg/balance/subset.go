package balance

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/registryd/registryd/pkg/api"
)

// Subset has a process use only part of a large service, so that not every
// client keeps a connection to every instance. Processes choose by themselves
// and still spread evenly.
//
// With Peers set the parts are exact: the instances lie on a ring, process Peer
// of Peers covers an arc of it that begins at its own place, and all arcs
// together cover each instance equally often; an instance that an arc covers in
// part gets that part of a share. Without it each process takes those that rank
// highest by a hash of Key and instance, which is even on average, and changes
// least when instances come and go.
type Subset struct {
	// Size is the least number of instances to use; 0 means all.
	Size int
	// Peer, from 0, is this process among Peers that use the service.
	Peer, Peers int
	// Key tells this process from others when Peers is 0, such as the host's
	// name and a port.
	Key string
}

func (s Subset) check() error {
	switch {
	case s.Size < 0:
		return api.E(api.Invalid, fmt.Sprintf("subset size %d is negative", s.Size))
	case s.Peers < 0 || s.Peers > 0 && (s.Peer < 0 || s.Peer >= s.Peers):
		return api.E(api.Invalid, fmt.Sprintf("subset has peer %d of %d", s.Peer, s.Peers))
	case s.Size > 0 && s.Peers == 0 && s.Key == "":
		return api.E(api.Invalid, "subset has neither peers nor a key")
	}
	return nil
}

// choose returns the part of the list to use.
func (s Subset) choose(list []candidate) []candidate {
	switch {
	case s.Size == 0 || s.Size >= len(list):
		return list
	case s.Peers > 0:
		return s.arc(list)
	}
	return s.highest(list)
}

// highest is rendezvous hashing, cut off after Size.
func (s Subset) highest(list []candidate) []candidate {
	type ranked struct {
		candidate
		rank uint64
	}
	own := hashString(s.Key)
	all := make([]ranked, len(list))
	for i, c := range list {
		all[i] = ranked{c, mix(own ^ c.e.hash)}
	}
	slices.SortFunc(all, func(a, b ranked) int { return cmp.Compare(b.rank, a.rank) })
	out := make([]candidate, s.Size)
	for i := range out {
		out[i] = all[i].candidate
	}
	return out
}

// arc is the deterministic aperture of Finagle. Lengths are counted in units of
// 1/Peers of an instance, so that they are whole numbers: the ring is
// n × Peers long, an instance Peers, and the arc of a peer a multiple of n, the
// distance from one peer to the next.
func (s Subset) arc(list []candidate) []candidate {
	ring := slices.Clone(list)
	slices.SortFunc(ring, func(a, b candidate) int { return cmp.Compare(a.e.hash, b.e.hash) })
	n := len(ring)
	times := (s.Size*s.Peers + n - 1) / n // how often the arcs cover the ring
	length := times * n
	from := s.Peer * n
	var out []candidate
	for left, i := length, from/s.Peers; left > 0; i++ {
		begin := max(from, i*s.Peers)
		part := min((i+1)*s.Peers-begin, left)
		left -= part
		c := ring[i%n]
		c.ramp *= float64(part) / float64(s.Peers)
		out = append(out, c)
	}
	return out
}
