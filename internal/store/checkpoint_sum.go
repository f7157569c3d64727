package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	bolt "go.etcd.io/bbolt"
)

// recordSum is the sum of the checksums of all records of registry.db. Bbolt
// has checksums for its two meta pages only, so without it a flipped bit in a
// record would be served, and one in the head of a page could make records
// disappear. A sum can follow each change without looking at the rest.
//
// It is kept in the bucket "meta" under "sum": eight bytes of it and four of
// the checksum of what is under "state", big endian.
type recordSum uint64

var (
	sumKey     = []byte("sum")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func (s *recordSum) add(bucket byte, key, value []byte) { *s += recordChecksum(bucket, key, value) }

func (s *recordSum) remove(bucket byte, key, value []byte) { *s -= recordChecksum(bucket, key, value) }

// recordChecksum is that of one record. The length of the key keeps a record
// apart from another one with a part of its key moved to the value.
func recordChecksum(bucket byte, key, value []byte) recordSum {
	head := binary.BigEndian.AppendUint32([]byte{bucket}, uint32(len(key)))
	c := crc32.Update(0, castagnoli, head)
	c = crc32.Update(c, castagnoli, key)
	return recordSum(crc32.Update(c, castagnoli, value))
}

// loadSum returns the sum as the file has it.
func loadSum(meta *bolt.Bucket) recordSum {
	if b := meta.Get(sumKey); len(b) == 12 {
		return recordSum(binary.BigEndian.Uint64(b))
	}
	return 0
}

// encode returns what is stored of the sum beside a position.
func (s recordSum) encode(position []byte) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(s))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(position, castagnoli))
}

// verify compares the sum of what was read with what is stored. A file that
// never had a checkpoint has neither a position nor a record.
func (s recordSum) verify(stored, position []byte) error {
	if stored == nil && position == nil && s == 0 {
		return nil
	}
	if want := s.encode(position); string(want) != string(stored) {
		return fmt.Errorf("%w: its records have the checksum %x, written was %x", errDamaged, want, stored)
	}
	return nil
}
