package store

import (
	"encoding/binary"
)

// graveLimit bounds the deletions that are remembered. When there are more,
// the older half is forgotten and the floor takes its index: an answer that
// depended on one of them is then given with the floor, which is never lower.
const graveLimit = 4096

// Tombstones are records of their own: one byte, graveKey or graveTree, then
// the key or the prefix of a delete-tree. In kvState.graves that is preceded by
// the index, eight bytes with the highest first, so the oldest come first.
const (
	graveKey  = 'k'
	graveTree = 't'
)

func graveOrder(index uint64, name string) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(name)), index), name...)
}

func treeGrave(prefix string) string { return string(graveTree) + prefix }
func keyGrave(key string) string     { return string(graveKey) + key }

// addGrave remembers a deletion at the present index.
func (d *draft) addGrave(t *kvEdit, name string) {
	t.graves, _, _ = t.graves.Insert(graveOrder(d.index, name), struct{}{})
	d.records.put(bucketTombstones, name, d.index)
	if t.graves.Len() > graveLimit {
		d.reap(t, ^uint64(0), t.graves.Len()-graveLimit/2)
	}
}

// dropGrave forgets a deletion that something newer covers.
func (d *draft) dropGrave(t *kvEdit, name string, index uint64) {
	t.graves, _, _ = t.graves.Delete(graveOrder(index, name))
	d.records.remove(bucketTombstones, name)
}

// reap forgets the oldest deletions: those up to index through, but at most
// limit of them. The floor rises to the index of the last one.
func (d *draft) reap(t *kvEdit, through uint64, limit int) {
	var names []string
	var indexes []uint64
	it := t.graves.Root().Iterator()
	for len(names) < limit {
		k, _, ok := it.Next()
		if !ok {
			break
		}
		index := binary.BigEndian.Uint64(k)
		if index > through {
			break
		}
		names, indexes = append(names, string(k[8:])), append(indexes, index)
	}
	for i, name := range names {
		if name[0] == graveTree {
			t.unmark(name[1:])
		} else {
			t.bury(name[1:])
		}
		d.dropGrave(t, name, indexes[i])
		t.floor = max(t.floor, indexes[i])
	}
}

// OldestGrave returns the index of the oldest deletion that is remembered, 0 if
// none is.
func (s *State) OldestGrave() uint64 {
	k, _, ok := s.kv.graves.Root().Minimum()
	if !ok {
		return 0
	}
	return binary.BigEndian.Uint64(k)
}
