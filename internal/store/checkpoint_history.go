package store

import (
	"bytes"
	"encoding/binary"

	bolt "go.etcd.io/bbolt"
)

// syncHistory makes the file hold what the history holds. Both are windows of
// one sequence of numbers, so what differs is at their ends: events that were
// dropped since, and new ones. What came and went meanwhile is never written.
func syncHistory(tx *bolt.Tx, h *historyState, sum *recordSum) error {
	b := tx.Bucket([]byte{bucketHistory})
	from, to := h.pastRecords()
	var gone [][]byte
	c := b.Cursor()
	k, v := c.First()
	for ; k != nil && (binary.BigEndian.Uint64(k) < from || from == to); k, v = c.Next() {
		sum.remove(bucketHistory, k, v)
		gone = append(gone, k)
	}
	var err error
	if k == nil && gone != nil {
		b, err = renew(tx, bucketHistory)
	}
	open := from // the first record that may have more events than the file has of it
	if k != nil {
		last, _ := c.Last()
		open = binary.BigEndian.Uint64(last)
		for _, k := range gone {
			if err == nil {
				err = b.Delete(k)
			}
		}
	}
	// Keys only ever come at the end: pages can be filled.
	b.FillPercent = 1
	for n := from; n < to && err == nil; n = max(n+1, open) {
		err = putPast(b, n, h, sum)
	}
	return err
}

// renew empties a bucket. A cursor of bbolt never returns from a bucket whose
// records were deleted one by one, all of them.
func renew(tx *bolt.Tx, bucket byte) (*bolt.Bucket, error) {
	if err := tx.DeleteBucket([]byte{bucket}); err != nil {
		return nil, err
	}
	return tx.CreateBucket([]byte{bucket})
}

// putPast writes a record unless the file has it so.
func putPast(b *bolt.Bucket, number uint64, h *historyState, sum *recordSum) error {
	key, value := []byte(pastKey(number)), encodeRecord(h.pastRecordOf(number))
	old := b.Get(key)
	if bytes.Equal(old, value) {
		return nil
	}
	if old != nil {
		sum.remove(bucketHistory, key, old)
	}
	sum.add(bucketHistory, key, value)
	return b.Put(key, value)
}

// historyRecords gives the records of the history.
func (s *State) historyRecords(r *recorder) {
	from, to := s.history.pastRecords()
	for n := from; n < to; n++ {
		r.put(bucketHistory, pastKey(n), s.history.pastRecordOf(n))
	}
}
