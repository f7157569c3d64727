package store

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

type serviceTxn = iradix.Txn[*ServiceView]

// ghostLimit bounds the removed service names whose index is remembered.
const ghostLimit = 4096

// ghost is a service name whose last instance has gone. Its view stays in the
// tree, empty, so that the index of its answers does not run backwards.
type ghost struct {
	key   string
	index uint64
}

func compareGhosts(a, b ghost) int {
	return cmp.Or(cmp.Compare(a.index, b.index), strings.Compare(a.key, b.key))
}

// ghosts are the remembered ones, oldest first. When the oldest is forgotten
// the floor takes its index: an absent name then answers with the floor, which
// is never below any index it answered before.
type ghosts struct {
	list  []ghost // a slice of shared storage; never changed in place
	floor uint64
}

// floors are what removals have moved the indexes of a view to.
type floors struct{ health, catalog uint64 }

// decodeFloors reads two indexes, or one that stands for both.
func decodeFloors(b []byte) (floors, error) {
	switch len(b) {
	case 8:
		i := binary.BigEndian.Uint64(b)
		return floors{i, i}, nil
	case 16:
		return floors{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}, nil
	}
	return floors{}, errWire
}

// addGhost remembers the name whose last instance goes at index. The oldest
// ghost beyond the limit is forgotten, its view with it.
func (d *draft) addGhost(tree *serviceTxn, key string, index uint64) {
	d.dropGhost(key)
	g := &d.next.ghosts
	at, _ := slices.BinarySearchFunc(g.list, ghost{key, index}, compareGhosts)
	list := slices.Insert(slices.Clone(g.list), at, ghost{key, index})
	for len(list) > ghostLimit {
		g.floor = max(g.floor, list[0].index)
		tree.Delete([]byte(list[0].key))
		d.records.remove(bucketGhosts, list[0].key)
		list = list[1:]
	}
	g.list = list
	d.records.put(bucketGhosts, key, index)
}

// dropGhost forgets that a name was gone: it is back.
func (d *draft) dropGhost(key string) {
	g := &d.next.ghosts
	i := slices.IndexFunc(g.list, func(x ghost) bool { return x.key == key })
	if i < 0 {
		return
	}
	g.list = slices.Delete(slices.Clone(g.list), i, i+1)
	d.records.remove(bucketGhosts, key)
}
