package raft

import (
	"encoding/json"
	"fmt"

	hraft "github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// Keys of the notes this package keeps in raft.db, beside the library's own
// (CurrentTerm; of earlier versions LastVoteTerm, LastVoteCand). All values are JSON.
var (
	keyIdentity = "registryd.identity" // identity: whose data this is
	keySnapshot = "registryd.snapshot" // snapshotNote: how far the FSM's checkpoint reaches
	keyElector  = "registryd.elector"  // electorNote: what this server may vote for
	keyVote     = "registryd.vote"     // vote: the newest one, in place of the library's two keys
)

// stable is the durable store of small values. Each Put is one fsynced
// transaction.
type stable struct{ *raftboltdb.BoltStore }

// Put stores the value as JSON.
func (s *stable) Put(key string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s: %w", key, err)
	}
	if err := s.Set([]byte(key), b); err != nil {
		return fmt.Errorf("store %s: %w", key, err)
	}
	return nil
}

// Load decodes the value into the target and reports whether there is one.
func (s *stable) Load(key string, target any) (bool, error) {
	b, err := s.Get([]byte(key))
	if err == raftboltdb.ErrKeyNotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", key, err)
	}
	if err := json.Unmarshal(b, target); err != nil {
		return false, fmt.Errorf("decode %s: %w", key, err)
	}
	return true, nil
}

// identity binds a data directory to one server.
type identity struct {
	ID         string
	Datacenter string
}

// claim notes whose data this is, or refuses that of another server.
func (s *stable) claim(id, datacenter, dir string) error {
	var have identity
	ok, err := s.Load(keyIdentity, &have)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.Put(keyIdentity, identity{ID: id, Datacenter: datacenter})
	case have.ID != id:
		return fmt.Errorf("data directory %s belongs to the server with ID %s, not %s: restore its node-id, or empty the directory", dir, have.ID, id)
	case have.Datacenter != datacenter:
		return fmt.Errorf("data directory %s belongs to datacenter %q, not %q", dir, have.Datacenter, datacenter)
	}
	return nil
}

var _ hraft.StableStore = (*stable)(nil)
