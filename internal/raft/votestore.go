package raft

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	hraft "github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// Keys of the library in raft.db.
const (
	keyCurrentTerm = "CurrentTerm"
	keyVoteTerm    = "LastVoteTerm"
	keyVoteCand    = "LastVoteCand"
)

// voteStore is the library's store of small values. It makes three things of
// what the library stores safe that are not by themselves:
//
// A vote is one record. The library stores the term and then the candidate; a
// kill in between would have the server vote in the new term for whom it voted
// in the old one.
//
// A vote is given only if the vote guard still agrees at the moment when it is
// stored. The guard has looked before the library saw the request, and the
// leader may have been heard since. No heartbeat is answered between that look
// and the record: an earlier one is seen by the guard, a later one finds the
// term of the vote and is refused.
//
// A founding that was cut off between its term and its first log entry has not
// happened, see GetUint64.
type voteStore struct {
	*stable
	logs    hraft.LogStore
	confirm func(term uint64, candidate []byte) error // nil: the vote may be given

	// storing is held while a vote is confirmed and stored, and while a heartbeat
	// is answered.
	storing sync.Mutex

	mu   sync.Mutex
	term uint64 // of the vote that is about to be stored
	last vote
}

// vote is the newest vote of this server.
type vote struct {
	Term      uint64 // 0: it never voted
	Candidate []byte // address
}

// openVoteStore reads the newest vote, be it a record of this package or the
// library's pair of an earlier version.
func openVoteStore(s *stable, logs hraft.LogStore) (*voteStore, error) {
	v := &voteStore{stable: s, logs: logs}
	if _, err := s.Load(keyVote, &v.last); err != nil {
		return nil, err
	}
	term, err := s.GetUint64([]byte(keyVoteTerm))
	if err == nil && term > v.last.Term {
		v.last.Term = term
		v.last.Candidate, err = s.Get([]byte(keyVoteCand))
	}
	if err != nil && !errors.Is(err, raftboltdb.ErrKeyNotFound) {
		return nil, fmt.Errorf("read the last vote: %w", err)
	}
	return v, nil
}

// SetUint64 stores a number. That of a vote waits for the candidate.
func (v *voteStore) SetUint64(key []byte, n uint64) error {
	if string(key) != keyVoteTerm {
		return v.stable.SetUint64(key, n)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.term = n
	return nil
}

// Set stores a value; with that of a candidate, the vote. An error makes the
// library deny the vote.
func (v *voteStore) Set(key, value []byte) error {
	if string(key) != keyVoteCand {
		return v.stable.Set(key, value)
	}
	v.storing.Lock()
	defer v.storing.Unlock()
	v.mu.Lock()
	next := vote{Term: v.term, Candidate: bytes.Clone(value)}
	v.mu.Unlock()
	if err := v.confirm(next.Term, next.Candidate); err != nil {
		return err
	}
	if err := v.Put(keyVote, next); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last = next
	return nil
}

// GetUint64 reads a number.
//
// The first entry of a new cluster's log is written after its term, 1. A term of
// 1 without any log is what a kill or a full disk leaves in between; nobody was
// told of it, and no leader has a term below 2. It counts as none, so that the
// library founds the cluster again.
func (v *voteStore) GetUint64(key []byte) (uint64, error) {
	switch string(key) {
	case keyVoteTerm:
		last := v.newest()
		if last.Term == 0 {
			return 0, raftboltdb.ErrKeyNotFound
		}
		return last.Term, nil
	case keyCurrentTerm:
		term, err := v.stable.GetUint64(key)
		if err != nil || term != 1 {
			return term, err
		}
		if last, err := v.logs.LastIndex(); err != nil || last > 0 {
			return term, err
		}
		return 0, nil
	}
	return v.stable.GetUint64(key)
}

// Get reads a value.
func (v *voteStore) Get(key []byte) ([]byte, error) {
	if string(key) != keyVoteCand {
		return v.stable.Get(key)
	}
	last := v.newest()
	if last.Candidate == nil {
		return nil, raftboltdb.ErrKeyNotFound
	}
	return last.Candidate, nil
}

func (v *voteStore) newest() vote {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.last
}

// heartbeats answers heartbeats between votes only.
func (v *voteStore) heartbeats(answer func(hraft.RPC)) func(hraft.RPC) {
	return func(rpc hraft.RPC) {
		v.storing.Lock()
		defer v.storing.Unlock()
		answer(rpc)
	}
}

var _ hraft.StableStore = (*voteStore)(nil)
