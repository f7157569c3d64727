package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

// A snapshot stream is a State written down: the line snapshotMagic, then the
// records of registry.db, bucket by bucket in the order of their numbers, then
// an end mark. A record is its bucket's number (one byte), key and value, each
// preceded by its length (varint). The first record is the position: bucket
// bucketMeta, key "state". The end mark is the byte 0xff, the number of records
// (varint) and the SHA-256 of all that stands before the sum.
const (
	snapshotMagic = "registryd snapshot 1\n"
	snapshotEnd   = 0xff
)

// Limits of what a snapshot may hold: far above what the store accepts, and
// low enough that a damaged length cannot exhaust memory.
const (
	snapshotKeyLimit   = 1 << 17
	snapshotValueLimit = 1 << 30
)

var errSnapshot = errors.New("snapshot is damaged or not one of registryd's")

// WriteTo writes the state as a snapshot stream and returns its length in
// bytes. Safe for concurrent use, and it holds nobody up.
func (s *State) WriteTo(w io.Writer) (int64, error) {
	out := &snapshotWriter{sum: sha256.New()}
	out.w = bufio.NewWriterSize(io.MultiWriter(w, out.sum, &out.size), 1<<16)
	out.w.WriteString(snapshotMagic)
	out.record(bucketMeta, string(metaKey), appendMeta(nil, s))
	s.records(func(bucket byte, key string, v any) error { return out.record(bucket, key, encodeRecord(v)) })
	out.w.WriteByte(snapshotEnd)
	out.length(out.records)
	if err := out.w.Flush(); err != nil {
		return int64(out.size), err
	}
	n, err := w.Write(out.sum.Sum(nil))
	return int64(out.size) + int64(n), err
}

// snapshotWriter writes records. Errors stay in w and come out at its Flush.
type snapshotWriter struct {
	w       *bufio.Writer
	sum     hash.Hash
	size    counter
	records uint64
}

type counter int64

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

func (o *snapshotWriter) length(n uint64) {
	var b [binary.MaxVarintLen64]byte
	o.w.Write(b[:binary.PutUvarint(b[:], n)])
}

func (o *snapshotWriter) record(bucket byte, key string, value []byte) error {
	o.records++
	o.w.WriteByte(bucket)
	o.length(uint64(len(key)))
	o.w.WriteString(key)
	o.length(uint64(len(value)))
	_, err := o.w.Write(value)
	return err
}

// ReadSnapshot reads a snapshot stream to its end. The State is only returned
// if the whole of it is sound.
func ReadSnapshot(r io.Reader) (*State, error) {
	return readSnapshot(r, func(*State) {})
}

// readSnapshot is ReadSnapshot; placed may change the position that the stream
// begins with.
func readSnapshot(r io.Reader, placed func(*State)) (*State, error) {
	in := &snapshotReader{r: bufio.NewReaderSize(r, 1<<16), sum: sha256.New(), placed: placed}
	s, err := in.state()
	if err != nil && !errors.Is(err, errSnapshot) {
		err = fmt.Errorf("%w: %w", errSnapshot, err)
	}
	return s, err
}

// snapshotReader reads records and keeps the sum of what it has read.
type snapshotReader struct {
	r      *bufio.Reader
	sum    hash.Hash
	placed func(*State)
}

func (in *snapshotReader) state() (*State, error) {
	magic, err := in.bytes(uint64(len(snapshotMagic)), snapshotKeyLimit)
	if err != nil || string(magic) != snapshotMagic {
		return nil, errSnapshot
	}
	l := newLoader()
	last := byte(bucketMeta)
	for n := uint64(0); ; n++ {
		bucket, err := in.ReadByte()
		if err != nil {
			return nil, err
		}
		if bucket == snapshotEnd {
			if err := in.end(n); err != nil {
				return nil, err
			}
			return l.finish(), nil
		}
		if bucket < last || bucket >= bucketCount || (bucket == bucketMeta) != (n == 0) {
			return nil, errSnapshot
		}
		last = bucket
		key, err := in.block(snapshotKeyLimit)
		if err != nil {
			return nil, err
		}
		value, err := in.block(snapshotValueLimit)
		if err != nil {
			return nil, err
		}
		if bucket == bucketMeta {
			err = l.meta(value)
			in.placed(l.state)
		} else {
			err = l.add(bucket, string(key), value)
		}
		if err != nil {
			return nil, err
		}
	}
}

// end checks the number of records and the sum, and that nothing follows.
func (in *snapshotReader) end(n uint64) error {
	records, err := binary.ReadUvarint(in)
	if err != nil {
		return err
	}
	want := in.sum.Sum(nil)
	have, err := in.bytes(uint64(len(want)), snapshotKeyLimit)
	if err != nil {
		return err
	}
	if _, err := in.r.ReadByte(); records != n || subtle.ConstantTimeCompare(want, have) != 1 || err != io.EOF {
		return errSnapshot
	}
	return nil
}

// ReadByte makes the reader usable for varints.
func (in *snapshotReader) ReadByte() (byte, error) {
	c, err := in.r.ReadByte()
	if err == nil {
		in.sum.Write([]byte{c})
	}
	return c, err
}

// block reads bytes that are preceded by their length.
func (in *snapshotReader) block(limit uint64) ([]byte, error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, err
	}
	return in.bytes(n, limit)
}

// bytes reads n bytes. Memory grows with what is there, not with n.
func (in *snapshotReader) bytes(n, limit uint64) ([]byte, error) {
	if n > limit {
		return nil, errSnapshot
	}
	var b bytes.Buffer
	if n < 1<<16 {
		b.Grow(int(n))
	}
	if _, err := io.CopyN(&b, in.r, int64(n)); err != nil {
		return nil, err
	}
	in.sum.Write(b.Bytes())
	return b.Bytes(), nil
}
