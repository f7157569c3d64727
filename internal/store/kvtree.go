package store

import (
	"sort"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// The keys are in a persistent radix tree of their own, because it has to do
// what the catalog's trees need not: hold a million keys in little memory (a
// watch costs one word until somebody waits), remember where keys were deleted,
// and tell the highest index below any prefix without looking at what is there.

// kvNode is a node of the tree of keys. It is frozen once published.
type kvNode struct {
	watch  Watch     // fires when anything at or below the node changes
	entry  *kvEntry  // of the key that ends here; nil if none
	prefix string    // what the node adds to its parent's key
	edges  []*kvNode // by the first byte of their prefix
	max    uint64    // the highest index at or below the node
	gone   uint64    // index of the last delete-tree of exactly this prefix
	owner  uint64    // version of the tree that may change the node in place
}

// kvEntry is a key's value, or its tombstone: a pair with the index of the
// deletion as ModifyIndex, and no CreateIndex.
type kvEntry struct {
	watch Watch // fires when the key changes
	pair  api.KVPair
}

func (e *kvEntry) live() bool { return e != nil && e.pair.CreateIndex != 0 }

// edge returns where the child whose prefix begins with c is, or belongs.
func (n *kvNode) edge(c byte) (int, bool) {
	i := sort.Search(len(n.edges), func(i int) bool { return n.edges[i].prefix[0] >= c })
	return i, i < len(n.edges) && n.edges[i].prefix[0] == c
}

// find looks a key up. The watch fires when the key may have changed; gone is
// the index of the last delete-tree that covers the key.
func (n *kvNode) find(key string) (e *kvEntry, w *Watch, gone uint64) {
	for {
		gone = max(gone, n.gone)
		if key == "" {
			break
		}
		i, ok := n.edge(key[0])
		if !ok || !strings.HasPrefix(key, n.edges[i].prefix) {
			return nil, &n.watch, gone
		}
		n = n.edges[i]
		key = key[len(n.prefix):]
	}
	if n.entry != nil {
		return n.entry, &n.entry.watch, gone
	}
	return nil, &n.watch, gone
}

// seek returns the subtree of the keys that begin with prefix, nil if none is
// known, together with a watch of it and its highest index.
func (n *kvNode) seek(prefix string) (sub *kvNode, w *Watch, index uint64) {
	var gone uint64
	for {
		gone = max(gone, n.gone)
		if prefix == "" {
			return n, &n.watch, max(gone, n.max)
		}
		i, ok := n.edge(prefix[0])
		if !ok {
			return nil, &n.watch, gone
		}
		child := n.edges[i]
		switch {
		case strings.HasPrefix(child.prefix, prefix):
			return child, &child.watch, max(gone, child.max)
		case strings.HasPrefix(prefix, child.prefix):
			n, prefix = child, prefix[len(child.prefix):]
		default:
			return nil, &n.watch, gone
		}
	}
}

// walk calls f for each entry, tombstones too, in byte order of keys until it
// returns false.
func (n *kvNode) walk(f func(*kvEntry) bool) bool {
	if n.entry != nil && !f(n.entry) {
		return false
	}
	for _, c := range n.edges {
		if !c.walk(f) {
			return false
		}
	}
	return true
}

// first returns the first live entry, nil if there is none. Only tombstones
// make it look further than one path, and they are bounded.
func (n *kvNode) first() *kvEntry {
	if n.entry.live() {
		return n.entry
	}
	for _, c := range n.edges {
		if e := c.first(); e != nil {
			return e
		}
	}
	return nil
}

// marks calls f for each delete-tree that is remembered at or below the node,
// whose full key is path.
func (n *kvNode) marks(path []byte, f func(prefix string, index uint64)) {
	if n.gone != 0 {
		f(string(path), n.gone)
	}
	for _, c := range n.edges {
		c.marks(append(path, c.prefix...), f)
	}
}

// watches calls f for each watch at or below the node.
func (n *kvNode) watches(f func(*Watch)) {
	f(&n.watch)
	if n.entry != nil {
		f(&n.entry.watch)
	}
	for _, c := range n.edges {
		c.watches(f)
	}
}

// common returns how many bytes a and b begin with alike.
func common(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
