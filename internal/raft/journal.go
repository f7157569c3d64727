package raft

import (
	"fmt"
	"slices"
	"sync"
	"time"

	hraft "github.com/hashicorp/raft"
)

// journal is a log store in front of raft-boltdb. A commit of BoltDB writes
// several pages and syncs twice; that is the price of its tree, but it need not
// be paid before a write is acknowledged. So entries are first appended to a
// small file with one sync, and taken over into the BoltDB log behind, many at
// a time. Until then they are served from memory.
//
// After a crash the journal holds what the BoltDB log lacks: openJournal takes
// it over before anything else happens. Nothing that StoreLogs acknowledged
// depends on the BoltDB commit.
type journal struct {
	base hraft.LogStore

	// Locks are taken in this order. io serialises what changes the files, take
	// what changes base; appending goes on while entries are taken over.
	io    sync.Mutex
	take  sync.Mutex
	files [2]*journalFile
	at    int // the file being appended to

	mu      sync.Mutex   // guards what follows
	pending []*hraft.Log // acknowledged, not yet in base; ascending
	bytes   int          // of their data

	wake  chan struct{}
	quit  chan struct{}
	ended sync.WaitGroup
	once  sync.Once
}

// Entries are taken over when so many bytes of them are waiting, or after the
// delay. Both are well below what a journal file holds.
const (
	takeOverBytes = 512 << 10
	takeOverDelay = 200 * time.Millisecond
)

// openJournal opens the journal in dir, takes over into base what it holds,
// and returns base with the journal in front. Its files hold size bytes each.
// Damage is an error.
func openJournal(dir string, base hraft.LogStore, size int64) (*journal, error) {
	j := &journal{base: base, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	for i := range j.files {
		f, err := openJournalFile(dir, i, size)
		if err != nil {
			j.closeFiles()
			return nil, err
		}
		j.files[i] = f
	}
	if err := j.recover(); err != nil {
		j.closeFiles()
		return nil, err
	}
	j.ended.Add(1)
	go j.run()
	return j, nil
}

// recover takes over what both files hold, oldest first, and empties them.
func (j *journal) recover() error {
	last, err := j.base.LastIndex()
	if err != nil {
		return fmt.Errorf("read the raft log: %w", err)
	}
	order := j.files
	if order[0].generation > order[1].generation {
		order[0], order[1] = order[1], order[0]
	}
	var rest []*hraft.Log
	for _, f := range order {
		for _, l := range f.found {
			if l.Index > last {
				rest = append(rest, l)
			}
		}
		f.found = nil
	}
	if len(rest) > 0 {
		if err := j.base.StoreLogs(rest); err != nil {
			return fmt.Errorf("take the journal over into the raft log: %w", err)
		}
	}
	return j.reset()
}

// reset empties both files, durably. The caller holds io or is alone.
func (j *journal) reset() error {
	// One is left out: it may have been used by the newer file, whose beginning
	// was lost while it was being cleared.
	next := max(j.files[0].generation, j.files[1].generation) + 2
	for i, f := range j.files {
		if err := f.clear(next + uint64(i)); err != nil {
			return err
		}
	}
	j.at = 0
	return nil
}

// StoreLogs makes entries durable, in the journal.
func (j *journal) StoreLogs(logs []*hraft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	j.io.Lock()
	defer j.io.Unlock()
	f := j.files[j.at]
	batch := f.encode(logs)
	if !f.fits(batch) {
		if err := j.turn(); err != nil {
			return err
		}
		f = j.files[j.at]
		if batch = f.encode(logs); !f.fits(batch) {
			// Larger than a whole file: straight into the log behind.
			if err := j.takeOver(); err != nil {
				return err
			}
			return j.base.StoreLogs(logs)
		}
	}
	if err := f.append(batch); err != nil {
		return fmt.Errorf("write the raft journal: %w", err)
	}
	j.mu.Lock()
	j.pending = append(j.pending, logs...)
	for _, l := range logs {
		j.bytes += len(l.Data)
	}
	full := j.bytes >= takeOverBytes
	first := len(j.pending) == len(logs)
	j.mu.Unlock()
	if full || first {
		j.nudge()
	}
	return nil
}

// nudge tells the background that there is something to take over.
func (j *journal) nudge() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// StoreLog stores one entry.
func (j *journal) StoreLog(l *hraft.Log) error { return j.StoreLogs([]*hraft.Log{l}) }

// turn goes on to the other file, which has to be taken over before it is
// written again. The caller holds io.
func (j *journal) turn() error {
	if err := j.takeOver(); err != nil {
		return err
	}
	next := j.files[j.at].generation + 1
	j.at = 1 - j.at
	j.files[j.at].rewind(next)
	return nil
}

// takeOver moves the entries that are pending now into the log behind. If the
// caller holds io none are left.
func (j *journal) takeOver() error {
	j.take.Lock()
	defer j.take.Unlock()
	j.mu.Lock()
	batch := j.pending
	j.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := j.base.StoreLogs(batch)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		return fmt.Errorf("take the journal over into the raft log: %w", err)
	}
	// A copy, so that what was taken over is not kept in memory.
	j.pending = slices.Clone(j.pending[len(batch):])
	j.bytes = 0
	for _, l := range j.pending {
		j.bytes += len(l.Data)
	}
	if len(j.pending) > 0 {
		j.nudge()
	}
	return nil
}

// run takes over in the background.
func (j *journal) run() {
	defer j.ended.Done()
	for {
		select {
		case <-j.wake:
		case <-j.quit:
			return
		}
		j.mu.Lock()
		full := j.bytes >= takeOverBytes
		j.mu.Unlock()
		if !full {
			t := time.NewTimer(takeOverDelay)
			select {
			case <-t.C:
			case <-j.quit:
				t.Stop()
				return
			}
		}
		// An error is met again by who next needs the space, and told there.
		_ = j.takeOver()
	}
}

// DeleteRange deletes entries. The journal is emptied first, so that it can
// never bring back what was deleted.
func (j *journal) DeleteRange(first, last uint64) error {
	j.io.Lock()
	defer j.io.Unlock()
	if err := j.takeOver(); err != nil {
		return err
	}
	if err := j.reset(); err != nil {
		return fmt.Errorf("empty the raft journal: %w", err)
	}
	return j.base.DeleteRange(first, last)
}

// GetLog reads an entry.
func (j *journal) GetLog(index uint64, out *hraft.Log) error {
	j.mu.Lock()
	if n := len(j.pending); n > 0 && index >= j.pending[0].Index && index <= j.pending[n-1].Index {
		// Entries are consecutive except behind an installed snapshot.
		for i := min(int(index-j.pending[0].Index), n-1); i >= 0; i-- {
			if j.pending[i].Index == index {
				*out = *j.pending[i]
				j.mu.Unlock()
				return nil
			}
		}
	}
	j.mu.Unlock()
	return j.base.GetLog(index, out)
}

// FirstIndex returns the first index stored, 0 if there is none.
func (j *journal) FirstIndex() (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	first, err := j.base.FirstIndex()
	if err == nil && first == 0 && len(j.pending) > 0 {
		first = j.pending[0].Index
	}
	return first, err
}

// LastIndex returns the last index stored, 0 if there is none.
func (j *journal) LastIndex() (uint64, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.pending); n > 0 {
		return j.pending[n-1].Index, nil
	}
	return j.base.LastIndex()
}

// Close takes over what is pending and closes the files; base stays open.
func (j *journal) Close() (err error) {
	j.once.Do(func() {
		close(j.quit)
		j.ended.Wait()
		j.io.Lock()
		defer j.io.Unlock()
		err = j.takeOver()
		j.closeFiles()
	})
	return err
}

func (j *journal) closeFiles() {
	for _, f := range j.files {
		if f != nil {
			f.f.Close()
		}
	}
}
