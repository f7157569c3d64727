package raft

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	hraft "github.com/hashicorp/raft"
)

// snapshotStore is the library's store of snapshots. There are two kinds.
//
// A local one is no copy of the state but a note in raft.db: "everything up to
// this index is in the FSM's own checkpoint, with this configuration". The log
// is truncated behind it. When a follower needs a snapshot, the present state
// is frozen and streamed, with a fresh note.
//
// A received one is the file of a leader's stream. It is fsynced and renamed
// before the FSM sees it, and becomes a local one when the FSM has made it
// durable. A kill at any moment leaves either the old state with its note, or a
// whole file that is restored at the next start, see recoverReceived.
type snapshotStore struct {
	dir     string
	stable  *stable
	adapter *fsmAdapter

	mu   sync.Mutex
	note *snapshotNote // nil while there is no snapshot
}

// snapshotNote says which log position a state has. Configuration is the
// committed one at or before it, in the library's encoding.
type snapshotNote struct {
	Index, Term        uint64
	Configuration      []byte
	ConfigurationIndex uint64
	// State is the index of the last command that the FSM's checkpoint holds: a
	// checkpoint that reaches less far is not the one this note is about.
	State uint64
}

func newSnapshotNote(index, term uint64, c hraft.Configuration, configIndex uint64) *snapshotNote {
	return &snapshotNote{Index: index, Term: term, Configuration: hraft.EncodeConfiguration(c), ConfigurationIndex: configIndex}
}

func (n *snapshotNote) configuration() hraft.Configuration {
	return hraft.DecodeConfiguration(n.Configuration)
}

func (n *snapshotNote) meta(id string, size int64) *hraft.SnapshotMeta {
	return &hraft.SnapshotMeta{
		Version: 1, ID: id, Index: n.Index, Term: n.Term, Size: size,
		Configuration: n.configuration(), ConfigurationIndex: n.ConfigurationIndex,
	}
}

const localSnapshot = "local"

func openSnapshotStore(st *storage) (*snapshotStore, error) {
	s := &snapshotStore{dir: st.dir, stable: st.stable}
	var n snapshotNote
	ok, err := s.stable.Load(keySnapshot, &n)
	if ok {
		s.note = &n
	}
	return s, err
}

// List returns the local snapshot, if there is one.
func (s *snapshotStore) List() ([]*hraft.SnapshotMeta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.note == nil {
		return nil, nil
	}
	return []*hraft.SnapshotMeta{s.note.meta(localSnapshot, 0)}, nil
}

// Create begins a snapshot: a local one if the sink is closed by a checkpoint,
// a received one if it is written to.
func (s *snapshotStore) Create(_ hraft.SnapshotVersion, index, term uint64,
	c hraft.Configuration, configIndex uint64, _ hraft.Transport) (hraft.SnapshotSink, error) {
	return &snapshotSink{store: s, note: newSnapshotNote(index, term, c, configIndex)}, nil
}

// Open returns a received snapshot for the FSM to restore, or the present state
// as a stream for a follower.
func (s *snapshotStore) Open(id string) (*hraft.SnapshotMeta, io.ReadCloser, error) {
	if id == localSnapshot {
		return s.stream()
	}
	in, err := s.openReceived(filepath.Join(s.dir, id))
	if err != nil {
		return nil, nil, err
	}
	return in.note.meta(id, in.size), in, nil
}

// settle makes the note the local snapshot.
func (s *snapshotStore) settle(n *snapshotNote) error {
	if err := s.stable.Put(keySnapshot, n); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note = n
	return nil
}

// stream freezes the present state. The library needs the length beforehand, so
// the state is written twice, the first time only counted: it costs a little
// processor time and neither memory nor disk.
func (s *snapshotStore) stream() (*hraft.SnapshotMeta, io.ReadCloser, error) {
	snap, note, err := s.adapter.frozen()
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	if s.note != nil && s.note.Index > note.Index {
		// Behind the last command were only entries without content.
		note = s.note
	}
	s.mu.Unlock()
	n, err := snap.WriteTo(io.Discard)
	if err != nil {
		snap.Release()
		return nil, nil, fmt.Errorf("measure snapshot: %w", err)
	}
	r, w := io.Pipe()
	out := &outgoing{PipeReader: r, done: make(chan struct{})}
	go func() { // ends when the reader is closed, which the library does
		defer close(out.done)
		defer snap.Release()
		sum := newSummer(w)
		if _, err := snap.WriteTo(sum); err != nil {
			w.CloseWithError(err)
			return
		}
		_, err := w.Write(sum.trailer())
		w.CloseWithError(err) // nil means end of stream
	}()
	return note.meta(localSnapshot, n+checksumSize), out, nil
}

// outgoing is a snapshot on its way to a follower.
type outgoing struct {
	*io.PipeReader
	done chan struct{}
}

// Close stops the stream and waits for its writer.
func (o *outgoing) Close() error {
	err := o.PipeReader.Close()
	<-o.done
	return err
}

// recoverReceived finishes, before the library starts, what a kill interrupted:
// a whole received snapshot is restored, remains of others are removed.
func (s *snapshotStore) recoverReceived() error {
	files, err := filepath.Glob(filepath.Join(s.dir, "*"+receivedSuffix))
	if err != nil {
		return err
	}
	for _, path := range files {
		in, err := s.openReceived(path)
		if err != nil {
			return fmt.Errorf("received snapshot %s is damaged (%w): empty the data directory and let this server join again", path, err)
		}
		if s.note == nil || in.note.Index > s.note.Index {
			err = s.adapter.Restore(in)
		} else {
			err = in.remove()
		}
		in.Close()
		if err != nil {
			return fmt.Errorf("restore received snapshot %s: %w", path, err)
		}
	}
	partial, err := filepath.Glob(filepath.Join(s.dir, "*"+partialSuffix))
	for _, path := range partial {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}
