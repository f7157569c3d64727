package raft

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	hraft "github.com/hashicorp/raft"
)

// fsmAdapter stands between the library and the FSM. It drops what the FSM's
// checkpoint already holds, checks and strips checksums, notes how far this
// server has applied (progress) and which configuration is committed, and tells
// the commit pusher of every batch.
type fsmAdapter struct {
	fsm     FSM
	applied *progress
	pushed  func(index, term uint64) // called before a batch is applied

	// mu makes "state, position, configuration" one consistent triple for
	// frozen. It is held while a batch is applied.
	mu            sync.Mutex
	index, term   uint64 // of the last entry seen, of whatever kind
	configuration hraft.Configuration
	entries       []Entry // reused

	configIndex atomic.Uint64 // of configuration
	skip        uint64        // last index the FSM's checkpoint held at the start; under mu
}

var (
	_ hraft.BatchingFSM = (*fsmAdapter)(nil)
)

// ApplyBatch is called with commands and configurations, committed and in order.
// The result of a mark is its raft term.
func (a *fsmAdapter) ApplyBatch(logs []*hraft.Log) []any {
	last := logs[len(logs)-1]
	a.pushed(last.Index, last.Term)

	a.mu.Lock()
	defer a.mu.Unlock()
	results := make([]any, len(logs))
	a.entries = a.entries[:0]
	for i, l := range logs {
		switch {
		case l.Type == hraft.LogConfiguration:
			a.configuration = hraft.DecodeConfiguration(l.Data)
			a.configIndex.Store(l.Index)
		case isMark(l):
			results[i] = l.Term
		case l.Index > a.skip:
			cmd, err := unseal(l)
			if err != nil {
				// A replica that went on would differ from the others.
				panic(fmt.Sprintf("raft: %v", err))
			}
			a.entries = append(a.entries, Entry{
				Index: l.Index, Term: l.Term, Time: l.AppendedAt.Round(0).UTC(), Data: cmd,
			})
		}
	}
	if len(a.entries) > 0 {
		out := a.fsm.ApplyBatch(a.entries)
		if len(out) != len(a.entries) {
			panic(fmt.Sprintf("raft: state machine returned %d results for %d commands", len(out), len(a.entries)))
		}
		at := 0
		for i, l := range logs {
			if at < len(a.entries) && a.entries[at].Index == l.Index {
				results[i] = out[at]
				at++
			}
		}
		clear(a.entries) // keep no command alive
	}
	a.index, a.term = last.Index, last.Term
	a.applied.Advance(last.Index)
	return results
}

// Apply is only for the interface: a BatchingFSM gets batches.
func (a *fsmAdapter) Apply(l *hraft.Log) any { return a.ApplyBatch([]*hraft.Log{l})[0] }

// Snapshot asks for nothing yet: the checkpoint is made by Persist, beside
// further batches.
func (a *fsmAdapter) Snapshot() (hraft.FSMSnapshot, error) {
	index, _ := a.fsm.LastApplied()
	return &checkpoint{fsm: a.fsm, index: index}, nil
}

// Restore is called with a received snapshot, which the store has verified.
func (a *fsmAdapter) Restore(r io.ReadCloser) error {
	for {
		w, ok := r.(hraft.ReadCloserWrapper) // the library counts the bytes
		if !ok {
			break
		}
		r = w.WrappedReadCloser()
	}
	in, ok := r.(*receivedReader)
	if !ok {
		return fmt.Errorf("restore from a snapshot of kind %T", r)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	index, term := a.fsm.LastApplied()
	if index, term = max(index, a.index), max(term, a.term); in.note.overtaken(index, term) {
		// It was overtaken on its way. What was applied stays applied, and the
		// leader that still needs us to have a snapshot sends a newer one.
		return errors.Join(fmt.Errorf("snapshot up to index %d is older than the state, at %d", in.note.Index, index), in.remove())
	}
	if err := a.fsm.Restore(in); err != nil {
		// The leader sends another; a start must not stumble over this one.
		return errors.Join(fmt.Errorf("restore snapshot: %w", err), in.remove())
	}
	in.note.State, _ = a.fsm.Durable()
	// If the note cannot be written the library goes on as if nothing had
	// happened: what it applies again is in the state.
	a.skip = in.note.State
	if err := in.settle(); err != nil {
		return err
	}
	if err := in.store.dropBehind(in.note.Index); err != nil {
		return err
	}
	// What follows in the log is new to this state, even if an earlier
	// checkpoint reached further.
	a.skip = 0
	a.set(in.note)
	return nil
}

// set takes over the position of a snapshot. The caller holds mu, or no other
// goroutine runs yet.
func (a *fsmAdapter) set(n *snapshotNote) {
	a.index, a.term = n.Index, n.Term
	a.configuration = n.configuration()
	a.configIndex.Store(n.ConfigurationIndex)
	a.applied.Set(n.Index)
}

// frozen returns the present state and the log position and configuration it
// belongs to. The caller releases the state.
func (a *fsmAdapter) frozen() (Snapshot, *snapshotNote, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.index < a.skip {
		// The state is ahead of the configurations seen since the start.
		return nil, nil, fmt.Errorf("the log has been replayed to %d, the state is at %d", a.index, a.skip)
	}
	return a.fsm.Snapshot(), newSnapshotNote(a.index, a.term, a.configuration, a.configIndex.Load()), nil
}

// checkpoint is the library's idea of a snapshot: here, the wish that the FSM
// make durable what it has applied.
type checkpoint struct {
	fsm   FSM
	index uint64 // last command that must be durable
}

func (c *checkpoint) Persist(sink hraft.SnapshotSink) error {
	if c.index > 0 {
		got, err := c.fsm.Checkpoint(c.index)
		if err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		if got < c.index {
			return fmt.Errorf("checkpoint reaches index %d, not %d", got, c.index)
		}
	}
	s, ok := sink.(*snapshotSink)
	if !ok {
		return fmt.Errorf("checkpoint to a sink of kind %T", sink)
	}
	s.local, s.note.State = true, c.index
	return sink.Close()
}

func (c *checkpoint) Release() {}
