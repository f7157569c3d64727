package store

import (
	"strings"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"github.com/registryd/registryd/pkg/api"
)

// MaxKeyLength bounds the bytes of a key: registry.db cannot hold longer ones.
const MaxKeyLength = 32000

// kvState is the key-value part of a State.
type kvState struct {
	root    *kvNode
	version uint64 // of the tree; nodes with a lower owner are frozen
	live    int    // number of keys
	floor   uint64 // the highest index of a deletion that is forgotten, at least 1
	graves  *iradix.Tree[struct{}]
}

func emptyKV() kvState {
	return kvState{root: &kvNode{}, floor: 1, graves: iradix.New[struct{}]()}
}

// Key returns a key's pair, nil if the key does not exist; the index of the
// answer, at least 1; and a watch that fires when the key may have changed.
//
// The index of a key that exists is its ModifyIndex (or that of the last
// restore), that of one that does not is the index of its deletion as far as
// that is remembered: neither moves with writes to other keys, and together they
// never run backwards.
func (s *State) Key(key string) (p *api.KVPair, index uint64, w *Watch) {
	e, w, gone := s.kv.root.find(key)
	if e.live() {
		return &e.pair, max(e.pair.ModifyIndex, s.restored), w
	}
	index = max(gone, s.kv.floor)
	if e != nil {
		index = max(index, e.pair.ModifyIndex)
	}
	return nil, index, w
}

// KeyPrefix returns index and watch of all keys that begin with prefix, as Key
// does for one. It costs the same however many there are.
func (s *State) KeyPrefix(prefix string) (index uint64, w *Watch) {
	_, w, index = s.kv.root.seek(prefix)
	return max(index, s.kv.floor), w
}

// Pairs calls f for each pair whose key begins with prefix, in byte order of
// keys, until it returns false.
func (s *State) Pairs(prefix string, f func(*api.KVPair) bool) {
	s.kv.pairs(prefix, f)
}

func (s *kvState) pairs(prefix string, f func(*api.KVPair) bool) {
	if sub, _, _ := s.root.seek(prefix); sub != nil {
		sub.walk(func(e *kvEntry) bool { return !e.live() || f(&e.pair) })
	}
}

// get returns the pair of a key, nil if the key does not exist.
func (s *kvState) get(key string) *api.KVPair {
	if e, _, _ := s.root.find(key); e.live() {
		return &e.pair
	}
	return nil
}

// KeyCount returns the number of keys.
func (s *State) KeyCount() int { return s.kv.live }

// KeyNames returns the keys that begin with prefix, in byte order. With a
// separator, keys that have it behind the prefix are cut off after it, and
// each result is given once; what is cut off is not looked at. The result is
// nil if there are no keys.
func (s *State) KeyNames(prefix, separator string) []string {
	sub, _, _ := s.kv.root.seek(prefix)
	if sub == nil {
		return nil
	}
	l := keyNamer{skip: len(prefix), separator: separator}
	l.add(sub, len(s.kv.fullKey(prefix, sub)))
	return l.names
}

// fullKey returns the full key of the node that seek found for prefix,
// which may be longer than prefix.
func (s *kvState) fullKey(prefix string, sub *kvNode) string {
	n, key := s.root, ""
	for n != sub {
		i, _ := n.edge(prefix[len(key)])
		n = n.edges[i]
		if len(key)+len(n.prefix) <= len(prefix) {
			key = prefix[:len(key)+len(n.prefix)]
		} else {
			key += n.prefix
		}
	}
	return key
}

// keyNamer gathers the result of KeyNames.
type keyNamer struct {
	skip      int // bytes of the prefix
	separator string
	names     []string
}

// add takes the keys at and below n, whose full key has the given length. All
// of them have the same folder if that full key reaches past a separator.
func (l *keyNamer) add(n *kvNode, length int) {
	if l.separator != "" && length > l.skip {
		e := n.first()
		if e == nil {
			return
		}
		if i := strings.Index(e.pair.Key[l.skip:], l.separator); i >= 0 && l.skip+i+len(l.separator) <= length {
			l.names = append(l.names, e.pair.Key[:l.skip+i+len(l.separator)])
			return
		}
	}
	if n.entry.live() {
		l.names = append(l.names, n.entry.pair.Key)
	}
	for _, c := range n.edges {
		l.add(c, length+len(c.prefix))
	}
}
