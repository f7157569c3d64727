package store

import "slices"

// kvEdit is the next version of the tree of keys in the making: nodes of the
// old version are copied on their first change, those made since are changed in
// place. It may be dropped at any time.
type kvEdit struct {
	kvState
	wake []*Watch // of what was replaced
}

func (s kvState) edit() *kvEdit {
	s.version++
	return &kvEdit{kvState: s}
}

// own returns n, or a copy of it, for changing.
func (t *kvEdit) own(n *kvNode) *kvNode {
	if n.owner == t.version {
		return n
	}
	t.wake = append(t.wake, &n.watch)
	edges := n.edges
	if len(edges) > 0 {
		edges = make([]*kvNode, len(n.edges), len(n.edges)+1)
		copy(edges, n.edges)
	}
	return &kvNode{entry: n.entry, prefix: n.prefix, edges: edges, max: n.max, gone: n.gone, owner: t.version}
}

// put sets the entry of its key.
func (t *kvEdit) put(e *kvEntry) {
	t.root = t.putBelow(t.root, e.pair.Key, e)
}

func (t *kvEdit) putBelow(n *kvNode, rest string, e *kvEntry) *kvNode {
	n = t.own(n)
	n.max = max(n.max, e.pair.ModifyIndex)
	if rest == "" {
		if n.entry != nil {
			t.wake = append(t.wake, &n.entry.watch)
		}
		n.entry = e
		return n
	}
	i, ok := n.edge(rest[0])
	if !ok {
		n.edges = slices.Insert(n.edges, i, &kvNode{prefix: rest, entry: e, max: e.pair.ModifyIndex, owner: t.version})
		return n
	}
	child := n.edges[i]
	l := common(child.prefix, rest)
	if l < len(child.prefix) {
		child = t.split(child, l)
	}
	n.edges[i] = t.putBelow(child, rest[l:], e)
	return n
}

// split puts a node above n that takes the first l bytes of its prefix.
func (t *kvEdit) split(n *kvNode, l int) *kvNode {
	low := t.own(n)
	top := &kvNode{prefix: low.prefix[:l], edges: []*kvNode{low}, max: low.max, owner: t.version}
	low.prefix = low.prefix[l:]
	return top
}

// cut removes all that begins with prefix and remembers that at index. There
// must be something that does.
func (t *kvEdit) cut(prefix string, index uint64) {
	t.root = t.cutBelow(t.root, prefix, index)
}

func (t *kvEdit) cutBelow(n *kvNode, rest string, index uint64) *kvNode {
	n = t.own(n)
	n.max = max(n.max, index)
	if rest == "" {
		if n.entry != nil {
			t.wake = append(t.wake, &n.entry.watch)
		}
		for _, c := range n.edges {
			c.watches(t.wakes)
		}
		n.entry, n.edges, n.gone = nil, nil, index
		return n
	}
	i, _ := n.edge(rest[0])
	child := n.edges[i]
	if l := common(child.prefix, rest); l == len(child.prefix) {
		n.edges[i] = t.cutBelow(child, rest[l:], index)
	} else {
		child.watches(t.wakes)
		n.edges[i] = &kvNode{prefix: rest, gone: index, max: index, owner: t.version}
	}
	return n
}

func (t *kvEdit) wakes(w *Watch) { t.wake = append(t.wake, w) }

// mark notes a delete-tree of the prefix that happened at index.
func (t *kvEdit) mark(prefix string, index uint64) {
	t.root = t.changeAt(t.root, prefix, func(n *kvNode) { n.gone, n.max = index, max(n.max, index) })
}

// unmark forgets a delete-tree of the prefix.
func (t *kvEdit) unmark(prefix string) {
	t.root = t.tidy(t.changeAt(t.root, prefix, func(n *kvNode) { n.gone = 0 }), prefix)
}

// bury removes the tombstone of a key.
func (t *kvEdit) bury(key string) {
	t.root = t.tidy(t.changeAt(t.root, key, func(n *kvNode) {
		if n.entry != nil {
			t.wake = append(t.wake, &n.entry.watch)
		}
		n.entry = nil
	}), key)
}

// changeAt calls f for the node of exactly the key, made if need be.
func (t *kvEdit) changeAt(n *kvNode, rest string, f func(*kvNode)) *kvNode {
	n = t.own(n)
	if rest == "" {
		f(n)
		return n
	}
	i, ok := n.edge(rest[0])
	if !ok {
		n.edges = slices.Insert(n.edges, i, &kvNode{prefix: rest, owner: t.version})
	}
	child := n.edges[i]
	l := common(child.prefix, rest)
	if l < len(child.prefix) {
		child = t.split(child, l)
	}
	n.edges[i] = t.changeAt(child, rest[l:], f)
	n.max = max(n.max, n.edges[i].max)
	return n
}

// tidy removes the nodes on the way to key that hold nothing any more. All of
// them are owned, after changeAt. n itself stays.
func (t *kvEdit) tidy(n *kvNode, key string) *kvNode {
	if key == "" {
		return n
	}
	i, _ := n.edge(key[0])
	child := t.tidy(n.edges[i], key[len(n.edges[i].prefix):])
	if child.entry == nil && child.gone == 0 {
		switch len(child.edges) {
		case 0:
			n.edges = slices.Delete(n.edges, i, i+1)
			return n
		case 1:
			only := t.own(child.edges[0])
			only.prefix = child.prefix + only.prefix
			only.max = max(only.max, child.max)
			child = only
		}
	}
	n.edges[i] = child
	return n
}
