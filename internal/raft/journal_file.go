package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	hraft "github.com/hashicorp/raft"
)

// journalFile is one of the two files of a journal. It has its full size from
// the start and is written from its beginning again and again: writing over
// what is there, its syncs need not wait for the file system's own records.
//
// It holds batches, each written and synced before the next one is begun:
//
//	4 bytes  CRC-32C of all that follows
//	4 bytes  length of the entries
//	8 bytes  generation: which time the file is being written
//	8 bytes  number of the batch within the generation, from 0
//	entries, each:
//	  8 bytes  index
//	  8 bytes  term
//	  8 bytes  when it was appended, nanoseconds since 1970 (UTC), 0 if unknown
//	  1 byte   type
//	  4 bytes  length of the data, then the data
//	  4 bytes  length of the extensions, then those
//
// A file that is empty has a batch without entries, so that its generation is
// remembered: one that were used twice would make what lies behind the end, of
// the earlier time, look like the continuation of the later one.
//
// All numbers are big endian. Reading stops at the first batch that is not
// whole: it was being written when the machine stopped, and was acknowledged to
// nobody. A whole batch with the following number further on means damage.
type journalFile struct {
	f          *os.File
	path       string
	size       int64 // bytes it may hold
	generation uint64
	batches    uint64 // in this generation
	offset     int64
	buf        []byte
	found      []*hraft.Log // what openJournalFile read
}

const (
	// journalSize is what each file holds, in bytes: some ten thousand entries,
	// several times what is waiting to be taken over.
	journalSize   = 4 << 20
	journalHeader = 24
)

// openJournalFile opens or makes a file and reads what it holds.
func openJournalFile(dir string, number int, size int64) (*journalFile, error) {
	path := filepath.Join(dir, "journal-"+strconv.Itoa(number))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open raft journal: %w", err)
	}
	j := &journalFile{f: f, path: path, size: size}
	if err := j.prepare(); err != nil {
		f.Close()
		return nil, err
	}
	return j, nil
}

func (j *journalFile) prepare() error {
	info, err := j.f.Stat()
	if err != nil {
		return fmt.Errorf("open raft journal: %w", err)
	}
	if info.Size() < j.size {
		// New, or the machine stopped while it was made: nothing is in it yet.
		if _, err := j.f.WriteAt(make([]byte, j.size), 0); err != nil {
			return fmt.Errorf("make raft journal %s: %w", j.path, err)
		}
		if err := j.f.Sync(); err != nil {
			return fmt.Errorf("make raft journal %s: %w", j.path, err)
		}
		return nil
	}
	return j.read()
}

// read finds the batches of the newest generation.
func (j *journalFile) read() error {
	all := make([]byte, j.size)
	if _, err := io.ReadFull(io.NewSectionReader(j.f, 0, j.size), all); err != nil {
		return fmt.Errorf("read raft journal %s: %w", j.path, err)
	}
	for off := 0; ; {
		b, ok := readBatch(all[off:])
		if !ok || j.batches > 0 && b.generation != j.generation || b.number != j.batches {
			return j.checkRest(all[off:])
		}
		if len(b.entries) == 0 {
			j.generation = b.generation
			return nil
		}
		logs, err := decodeEntries(b.entries)
		if err != nil {
			return damaged(j.path, err)
		}
		j.generation = b.generation
		j.batches++
		j.found = append(j.found, logs...)
		off += journalHeader + len(b.entries)
	}
}

// checkRest tells damage from the end: behind a batch that is not whole there
// must be none of the same generation that comes later.
func (j *journalFile) checkRest(rest []byte) error {
	if j.batches == 0 {
		return nil
	}
	for off := 1; off+journalHeader < len(rest); off++ {
		if binary.BigEndian.Uint64(rest[off+8:]) != j.generation || binary.BigEndian.Uint64(rest[off+16:]) <= j.batches {
			continue
		}
		if b, ok := readBatch(rest[off:]); ok && b.generation == j.generation {
			return damaged(j.path, errors.New("a batch in its middle cannot be read"))
		}
	}
	return nil
}

type batch struct {
	generation, number uint64
	entries            []byte
}

// readBatch reads a batch; ok is false if there is no whole one.
func readBatch(b []byte) (batch, bool) {
	if len(b) < journalHeader {
		return batch{}, false
	}
	size := int(binary.BigEndian.Uint32(b[4:]))
	if size > len(b)-journalHeader {
		return batch{}, false
	}
	if crc32.Checksum(b[4:journalHeader+size], castagnoli) != binary.BigEndian.Uint32(b) {
		return batch{}, false
	}
	return batch{binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:]), b[journalHeader : journalHeader+size]}, true
}

// encode returns the next batch, in a buffer that the next call reuses.
func (j *journalFile) encode(logs []*hraft.Log) []byte {
	b := append(j.buf[:0], make([]byte, journalHeader)...)
	for _, l := range logs {
		b = appendEntry(b, l)
	}
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)-journalHeader))
	binary.BigEndian.PutUint64(b[8:], j.generation)
	binary.BigEndian.PutUint64(b[16:], j.batches)
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	j.buf = b
	return b
}

func (j *journalFile) fits(batch []byte) bool { return j.offset+int64(len(batch)) <= j.size }

// append writes a batch and makes it durable.
func (j *journalFile) append(batch []byte) error {
	if _, err := j.f.WriteAt(batch, j.offset); err != nil {
		return err
	}
	if err := syncData(j.f); err != nil {
		return err
	}
	j.offset += int64(len(batch))
	j.batches++
	return nil
}

// rewind begins a new generation at the start of the file. What is there of
// older ones no longer counts as soon as the first batch is written.
func (j *journalFile) rewind(generation uint64) {
	j.generation, j.batches, j.offset = generation, 0, 0
}

// clear makes the file durably empty.
func (j *journalFile) clear(generation uint64) error {
	j.rewind(generation)
	if _, err := j.f.WriteAt(j.encode(nil), 0); err != nil {
		return err
	}
	return syncData(j.f)
}

func appendEntry(b []byte, l *hraft.Log) []byte {
	b = binary.BigEndian.AppendUint64(b, l.Index)
	b = binary.BigEndian.AppendUint64(b, l.Term)
	var at int64
	if !l.AppendedAt.IsZero() {
		at = l.AppendedAt.UnixNano()
	}
	b = binary.BigEndian.AppendUint64(b, uint64(at))
	b = append(b, byte(l.Type))
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(l.Data))), l.Data...)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(l.Extensions))), l.Extensions...)
}

var errShortEntry = errors.New("an entry is cut short")

func decodeEntries(b []byte) (logs []*hraft.Log, err error) {
	for len(b) > 0 {
		if len(b) < 29 {
			return nil, errShortEntry
		}
		l := &hraft.Log{Index: binary.BigEndian.Uint64(b), Term: binary.BigEndian.Uint64(b[8:]), Type: hraft.LogType(b[24])}
		if at := int64(binary.BigEndian.Uint64(b[16:])); at != 0 {
			l.AppendedAt = time.Unix(0, at).UTC()
		}
		b = b[25:]
		if l.Data, b, err = cutBytes(b); err != nil {
			return nil, err
		}
		if l.Extensions, b, err = cutBytes(b); err != nil {
			return nil, err
		}
		logs = append(logs, l)
	}
	return logs, nil
}

func cutBytes(b []byte) (value, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errShortEntry
	}
	n := int(binary.BigEndian.Uint32(b))
	if n > len(b)-4 {
		return nil, nil, errShortEntry
	}
	if n == 0 {
		return nil, b[4:], nil
	}
	return append([]byte(nil), b[4:4+n]...), b[4+n:], nil
}
