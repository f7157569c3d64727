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
	logs    hraft.LogStore
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

// overtaken reports whether a state at the position says all that the snapshot
// does, and more. One that ends earlier but with a higher term is of another
// branch: the survivors of a lost quorum that peers.json brings together may
// differ in what they had not agreed on, and the newer term counts.
func (n *snapshotNote) overtaken(index, term uint64) bool {
	return n.Index < index && n.Term <= term
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
	s := &snapshotStore{dir: st.dir, stable: st.stable, logs: st.logs}
	var n snapshotNote
	ok, err := s.stable.Load(keySnapshot, &n)
	if ok {
		s.note = &n
	}
	return s, err
}

// List returns the local snapshot, if there is one.
func (s *snapshotStore) List() ([]*hraft.SnapshotMeta, error) {
	note := s.present()
	if note == nil {
		return nil, nil
	}
	return []*hraft.SnapshotMeta{note.meta(localSnapshot, 0)}, nil
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

// settle makes the note the local snapshot. It never goes back: the library
// takes a snapshot beside everything else, and while its checkpoint was being
// written the leader's may have been installed, which reaches further than the
// log behind the older note.
func (s *snapshotStore) settle(n *snapshotNote) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.note != nil && n.overtaken(s.note.Index, s.note.Term) {
		return fmt.Errorf("snapshot up to index %d is overtaken by one up to %d", n.Index, s.note.Index)
	}
	if err := s.stable.Put(keySnapshot, n); err != nil {
		return err
	}
	s.note = n
	return nil
}

// present returns the note of the local snapshot, nil if there is none.
func (s *snapshotStore) present() *snapshotNote {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.note
}

// stream freezes the present state. The library needs the length beforehand, so
// the state is written twice, the first time only counted: it costs a little
// processor time and neither memory nor disk.
func (s *snapshotStore) stream() (*hraft.SnapshotMeta, io.ReadCloser, error) {
	// In this order: a note that was settled after the state was frozen may
	// stand for commands that the state lacks.
	settled := s.present()
	snap, note, err := s.adapter.frozen()
	if err != nil {
		return nil, nil, err
	}
	if settled != nil && settled.Index > note.Index {
		// Behind the last command were only entries without content.
		note = settled
	}
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
// a whole received snapshot is restored, remains of others are removed, and so
// is one that the state has gone beyond.
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
		noted := s.note != nil && in.note.Index <= s.note.Index && in.note.Term <= s.note.Term
		if noted || in.note.overtaken(s.adapter.fsm.Durable()) {
			err = in.remove()
		} else {
			err = s.adapter.Restore(in)
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
	if err != nil || s.note == nil {
		return err
	}
	return s.dropBehind(s.note.Index)
}

// dropBehind deletes the log up to a received snapshot's index if it does not
// reach that far by itself. What lies before the gap may have lost an election,
// and would be sent to others as if it had been agreed on; the library keeps it
// as it keeps the trailing entries of a snapshot of its own.
func (s *snapshotStore) dropBehind(index uint64) error {
	first, err := s.logs.FirstIndex()
	if err != nil || first == 0 || first > index {
		return err
	}
	if err := s.logs.GetLog(index, &hraft.Log{}); !errors.Is(err, hraft.ErrLogNotFound) {
		return err
	}
	last, err := s.logs.LastIndex()
	if err != nil {
		return err
	}
	if err := s.logs.DeleteRange(first, min(index, last)); err != nil {
		return fmt.Errorf("drop the log behind a snapshot: %w", err)
	}
	return nil
}
