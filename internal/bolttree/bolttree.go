// Package bolttree looks at the shape of a BoltDB file before BoltDB does. A
// cursor of bbolt follows what a page says: a damaged page that leads back to
// one above it keeps the cursor going for ever, and takes all memory on the way.
package bolttree

import (
	"encoding/binary"
	"fmt"
	"io"

	"go.etcd.io/bbolt"
)

// Check reads the pages of a transaction's buckets from the file it is of, and
// returns an error unless each is reached once and is what a tree is made of.
// Buckets within buckets are not looked at.
func Check(tx *bbolt.Tx, file io.ReaderAt) error {
	w := &walk{file: file, size: int64(tx.DB().Info().PageSize), seen: map[uint64]bool{}}
	w.pages = uint64(tx.Size() / w.size)
	return w.tree(uint64(tx.Cursor().Bucket().Root()), true)
}

// walk is what has been seen of a file.
type walk struct {
	file  io.ReaderAt
	size  int64  // of a page, in bytes
	pages uint64 // how many there are
	seen  map[uint64]bool
}

// What bbolt writes, in the byte order of the machine. A page begins with its
// number (8 bytes), its kind (2), how many elements it has (2) and how many
// pages follow that belong to it (4). Elements have 16 bytes. On a branch the
// last 8 are the number of a page; on a leaf they are, by 4, flags, how far
// behind the element its key is, and the lengths of key and value behind it. The
// value of a bucket begins with the number of its root, or with 0, and with a
// number of 8 bytes; where the root is 0 a leaf follows in place.
const (
	headSize    = 16
	elementSize = 16
	bucketSize  = 16
	kindBranch  = 1
	kindLeaf    = 2
	flagBucket  = 1
)

var native = binary.NativeEndian

// tree looks at all pages from a root on, and at those of the buckets that it
// names if it is the tree of buckets.
func (w *walk) tree(root uint64, ofBuckets bool) error {
	for todo := []uint64{root}; len(todo) > 0; {
		id := todo[len(todo)-1]
		p, err := w.page(id)
		if err != nil {
			return fmt.Errorf("page %d: %w", id, err)
		}
		todo = todo[:len(todo)-1]
		switch {
		case p.kind == kindBranch:
			todo, err = w.branch(p, todo)
		default:
			err = w.leaf(p, ofBuckets)
		}
		if err != nil {
			return fmt.Errorf("page %d: %w", id, err)
		}
	}
	return nil
}

// page is where one stands in the file, with those that follow it.
type page struct {
	at    int64 // in the file
	size  int64
	kind  uint16
	count int64
}

// page looks at the head of a page.
func (w *walk) page(id uint64) (p page, err error) {
	if id >= w.pages {
		return p, fmt.Errorf("the file has only %d", w.pages)
	}
	p.at = int64(id) * w.size
	var head [headSize]byte
	if _, err := w.file.ReadAt(head[:], p.at); err != nil {
		return p, err
	}
	self, more := native.Uint64(head[:]), uint64(native.Uint32(head[12:]))
	if self != id {
		return p, fmt.Errorf("it says that it is page %d", self)
	}
	if more >= w.pages-id {
		return p, fmt.Errorf("%d pages are said to follow it", more)
	}
	for i := id; i <= id+more; i++ {
		if w.seen[i] {
			return p, fmt.Errorf("two ways lead to page %d", i)
		}
		w.seen[i] = true
	}
	p.size = int64(more+1) * w.size
	p.kind, p.count = native.Uint16(head[8:]), int64(native.Uint16(head[10:]))
	return p, p.sound()
}

// sound says what is wrong with a page's head.
func (p page) sound() error {
	if p.kind != kindLeaf && (p.kind != kindBranch || p.count == 0) || headSize+p.count*elementSize > p.size {
		return fmt.Errorf("it is of the kind %d with %d elements", p.kind, p.count)
	}
	return nil
}

// elements reads the elements of a page.
func (w *walk) elements(p page) ([]byte, error) {
	b := make([]byte, p.count*elementSize)
	_, err := w.file.ReadAt(b, p.at+headSize)
	return b, err
}

// branch adds the pages that a branch leads to.
func (w *walk) branch(p page, to []uint64) ([]uint64, error) {
	elements, err := w.elements(p)
	if err != nil {
		return nil, err
	}
	for at := 8; at < len(elements); at += elementSize {
		to = append(to, native.Uint64(elements[at:]))
	}
	return to, nil
}

// leaf looks at the elements of a leaf, and at the buckets that it names.
func (w *walk) leaf(p page, ofBuckets bool) error {
	elements, err := w.elements(p)
	if err != nil {
		return err
	}
	for i := range p.count {
		flags, at, size, err := p.value(elements, i)
		if err != nil {
			return err
		}
		if !ofBuckets || flags&flagBucket == 0 {
			continue
		}
		value := make([]byte, size)
		if _, err := w.file.ReadAt(value, p.at+at); err != nil {
			return err
		}
		if err := w.bucket(value); err != nil {
			return fmt.Errorf("bucket %d: %w", i, err)
		}
	}
	return nil
}

// value returns where on a leaf the value of an element is.
func (p page) value(elements []byte, i int64) (flags uint32, at, size int64, err error) {
	e := elements[i*elementSize:]
	flags, size = native.Uint32(e), int64(native.Uint32(e[12:]))
	at = headSize + i*elementSize + int64(native.Uint32(e[4:])) + int64(native.Uint32(e[8:]))
	if at+size > p.size {
		err = fmt.Errorf("element %d is longer than the page", i)
	}
	return flags, at, size, err
}

// bucket looks at a bucket by its value.
func (w *walk) bucket(value []byte) error {
	if len(value) < bucketSize {
		return fmt.Errorf("it has %d bytes only", len(value))
	}
	if root := native.Uint64(value); root != 0 {
		return w.tree(root, false)
	}
	in := value[bucketSize:]
	if len(in) < headSize {
		return fmt.Errorf("it has %d bytes only", len(value))
	}
	p := page{size: int64(len(in)), kind: native.Uint16(in[8:]), count: int64(native.Uint16(in[10:]))}
	if p.kind != kindLeaf {
		return fmt.Errorf("it is of the kind %d", p.kind)
	}
	err := p.sound()
	for i := int64(0); i < p.count && err == nil; i++ {
		_, _, _, err = p.value(in[headSize:], i)
	}
	return err
}
