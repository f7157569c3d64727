// Package store is the catalog: commands and their bytes, the immutable State
// they lead to, views with watches for those who read it, and registry.db, the
// BoltDB checkpoint the State is loaded from.
//
// Commands are applied by one goroutine, in log order. Readers call State and
// never wait for it.
package store

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Entry is a committed log entry.
type Entry struct {
	Index uint64
	Term  uint64
	Time  time.Time // when the leader appended it
	Data  []byte    // an encoded Command
}

// Store holds the present State and keeps registry.db behind it.
type Store struct {
	state atomic.Pointer[State]
	texts interner // used by ApplyBatch only

	mu      sync.Mutex // guards what follows, and its fitting to state
	dirty   records    // changed since the last checkpoint
	rebuild bool       // everything has changed since

	disk *checkpoint
}

// Open opens registry.db at path, made if need be, and loads the State that it
// holds. Damage is an error that names the file. Close ends what Open began.
func Open(path string) (*Store, error) {
	disk, found, err := openCheckpoint(path)
	if err != nil {
		return nil, err
	}
	s := &Store{texts: interner{}, dirty: records{}, rebuild: found.merged, disk: disk}
	s.state.Store(found.state)
	disk.start(s)
	return s, nil
}

// Close writes what has changed since the last checkpoint and closes
// registry.db. Safe to call twice.
func (s *Store) Close() error { return s.disk.stop() }

// State returns the present state. Safe for concurrent use; it costs one
// atomic load.
func (s *Store) State() *State { return s.state.Load() }

// LastApplied returns index and term of the last command in the state.
func (s *Store) LastApplied() (index, term uint64) {
	st := s.State()
	return st.index, st.term
}

// ApplyBatch applies committed commands in log order and returns the encoded
// Result of each. Only one goroutine may call it. All commands of a batch
// become visible together, each keeping its own index.
//
// It panics on a command it cannot read: a replica that goes on without it
// would differ from the others, and a diverged replica is worse than a dead
// one.
func (s *Store) ApplyBatch(entries []Entry) [][]byte {
	results := make([][]byte, len(entries))
	d := s.newDraft()
	for i, e := range entries {
		c, err := Decode(e.Data)
		if err != nil {
			panic(fmt.Sprintf("log entry %d: %v", e.Index, err))
		}
		if c == nil {
			continue
		}
		if a, ok := c.(atomicCommand); ok && a.canFail() {
			// It may fail half-way: give it a draft of its own, to throw away.
			if i > 0 {
				s.publish(d, entries[i-1])
			}
			d = s.newDraft()
			r := d.run(e, c)
			results[i] = r.encode()
			if r.Err != nil || !r.OK {
				d = s.newDraft()
			}
			continue
		}
		results[i] = d.run(e, c).encode()
	}
	if n := len(entries); n > 0 {
		s.publish(d, entries[n-1])
	}
	return results
}

// run applies one command, and then what follows from it for all checks.
func (d *draft) run(e Entry, c Command) Result {
	d.begin(e, c)
	r := c.apply(d)
	d.removeVacant()
	if d.moved {
		d.moved, d.live = false, nil
		d.serversMoved(d.lived, d.liveServers())
	}
	return r
}

// atomicCommand is a command that may have changed something before it is
// refused; its changes are then thrown away.
type atomicCommand interface{ canFail() bool }

func (s *Store) newDraft() *draft {
	d := newDraft(s.State())
	d.texts = s.texts
	return d
}

// publish makes the draft the present state and wakes whom it concerns.
func (s *Store) publish(d *draft, last Entry) {
	next := d.finish(last.Index, last.Term)
	s.mu.Lock()
	if d.replaced {
		s.dirty, s.rebuild = records{}, true
	}
	for k, v := range d.records {
		s.dirty[k] = v
	}
	s.state.Store(next)
	s.mu.Unlock()
	d.announce()
	if len(d.records) > 0 || d.replaced {
		s.disk.nudge()
	}
}
