package raft

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// The file of a received snapshot, numbers big endian, checksums CRC-32C:
//
//	"RSNAP1\n\x00"
//	uint32 length, snapshotNote as JSON, uint32 checksum of the JSON
//	the leader's stream: what Snapshot.WriteTo wrote, uint32 checksum of it
//
// It is written as *.partial and renamed to *.snap when complete.
const (
	receivedMagic  = "RSNAP1\n\x00"
	receivedSuffix = ".snap"
	partialSuffix  = ".partial"
	maxNote        = 1 << 20
)

// summer passes bytes on and sums them up.
type summer struct {
	w   io.Writer
	sum hash.Hash32
}

func newSummer(w io.Writer) *summer { return &summer{w: w, sum: crc32.New(castagnoli)} }

func (s *summer) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.sum.Write(p[:n])
	return n, err
}

func (s *summer) trailer() []byte { return binary.BigEndian.AppendUint32(nil, s.sum.Sum32()) }

// snapshotSink takes one snapshot in. A checkpoint sets local; otherwise what is
// written goes to a file.
type snapshotSink struct {
	store *snapshotStore
	note  *snapshotNote
	local bool

	file *os.File
	out  *bufio.Writer
	done bool
}

// ID names the snapshot for Open.
func (s *snapshotSink) ID() string {
	if s.local {
		return localSnapshot
	}
	return fmt.Sprintf("%d-%d%s", s.note.Term, s.note.Index, receivedSuffix)
}

func (s *snapshotSink) partial() string {
	return filepath.Join(s.store.dir, s.ID()+partialSuffix)
}

func (s *snapshotSink) Write(p []byte) (int, error) {
	if s.file == nil {
		if err := s.create(); err != nil {
			return 0, err
		}
	}
	return s.out.Write(p)
}

func (s *snapshotSink) create() error {
	f, err := os.OpenFile(s.partial(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("create snapshot file: %w", err)
	}
	s.file, s.out = f, bufio.NewWriterSize(f, 256<<10)
	note, err := json.Marshal(s.note)
	if err != nil {
		return fmt.Errorf("encode snapshot note: %w", err)
	}
	head := append([]byte(receivedMagic), binary.BigEndian.AppendUint32(nil, uint32(len(note)))...)
	head = append(head, note...)
	head = binary.BigEndian.AppendUint32(head, crc32.Checksum(note, castagnoli))
	_, err = s.out.Write(head)
	return err
}

// Close completes the snapshot. A received one is verified and durable under
// its name afterwards, or an error is returned and nothing is left.
func (s *snapshotSink) Close() error {
	if s.done {
		return nil
	}
	s.done = true
	if s.local {
		return s.store.settle(s.note)
	}
	if s.file == nil {
		if err := s.create(); err != nil {
			return err
		}
	}
	err := s.out.Flush()
	if err == nil {
		err = s.file.Sync()
	}
	if err = errors.Join(err, s.file.Close()); err == nil {
		var in *receivedReader
		if in, err = s.store.openReceived(s.partial()); err == nil {
			in.Close()
			final := filepath.Join(s.store.dir, s.ID())
			if err = os.Rename(s.partial(), final); err == nil {
				return syncDir(s.store.dir)
			}
		}
	}
	return errors.Join(fmt.Errorf("complete snapshot: %w", err), os.Remove(s.partial()))
}

// Cancel drops what was written.
func (s *snapshotSink) Cancel() error {
	if s.done || s.file == nil {
		s.done = true
		return nil
	}
	s.done = true
	return errors.Join(s.file.Close(), os.Remove(s.partial()))
}

// receivedReader reads the state out of a received file.
type receivedReader struct {
	*io.SectionReader
	store *snapshotStore
	file  *os.File
	note  *snapshotNote
	size  int64 // of the leader's stream
}

// openReceived opens the file and verifies all of it.
func (s *snapshotStore) openReceived(path string) (*receivedReader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in, err := s.verify(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return in, nil
}

func (s *snapshotStore) verify(f *os.File) (*receivedReader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r := bufio.NewReaderSize(f, 256<<10)
	head := make([]byte, len(receivedMagic)+4)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(receivedMagic)]) != receivedMagic {
		return nil, errors.New("not a snapshot file")
	}
	n := binary.BigEndian.Uint32(head[len(receivedMagic):])
	if n > maxNote {
		return nil, errors.New("wrong header")
	}
	note := make([]byte, n+checksumSize)
	if _, err := io.ReadFull(r, note); err != nil {
		return nil, errors.New("short header")
	}
	if crc32.Checksum(note[:n], castagnoli) != binary.BigEndian.Uint32(note[n:]) {
		return nil, errors.New("wrong checksum of the header")
	}
	in := &receivedReader{store: s, file: f, note: &snapshotNote{}}
	if err := json.Unmarshal(note[:n], in.note); err != nil {
		return nil, fmt.Errorf("decode header: %w", err)
	}
	start := int64(len(head) + len(note))
	in.size = info.Size() - start
	state := in.size - checksumSize
	if state < 0 {
		return nil, errors.New("no checksum")
	}
	sum := newSummer(io.Discard)
	if _, err := io.CopyN(sum, r, state); err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	var want [checksumSize]byte
	if _, err := io.ReadFull(r, want[:]); err != nil || string(sum.trailer()) != string(want[:]) {
		return nil, errors.New("wrong checksum of the state")
	}
	in.SectionReader = io.NewSectionReader(f, start, state)
	return in, nil
}

func (r *receivedReader) Close() error { return r.file.Close() }

// settle is called when the FSM has the state: the note first, then the file,
// so that a kill in between only restores once more.
func (r *receivedReader) settle() error {
	if err := r.store.settle(r.note); err != nil {
		return err
	}
	return r.remove()
}

func (r *receivedReader) remove() error {
	if err := os.Remove(r.file.Name()); err != nil {
		return err
	}
	return syncDir(r.store.dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
