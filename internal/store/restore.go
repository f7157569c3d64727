package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// restoreSuffix is what the name of a registry.db in the making ends with.
const restoreSuffix = ".restore"

// restoreBatch is how many records go into one transaction of a file in the
// making: enough to fill pages, few enough to be held in memory.
const restoreBatch = 20000

// Restore takes over the whole state of another server of the cluster: a
// snapshot stream, which is read to its end and checked before anything is
// touched. Everybody who waits is woken. When it fails all is as it was; a kill
// at any moment leaves either the old registry.db or the new one. It must not
// run together with ApplyBatch.
func (s *Store) Restore(r io.Reader) error {
	next, err := ReadSnapshot(r)
	if err != nil {
		return err
	}
	return s.replace(next)
}

// replace makes next the present state, after registry.db.
func (s *Store) replace(next *State) error {
	c := s.disk
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.install(next); err != nil {
		return fmt.Errorf("restore registry database %s: %w", c.path, err)
	}
	c.durable, c.err = position{next.index, next.term}, nil
	s.mu.Lock()
	old := s.state.Swap(next)
	s.dirty, s.rebuild = records{}, false
	s.mu.Unlock()
	old.wakeAll()
	return nil
}

// install puts a file with the state in the place of registry.db. The caller
// holds mu.
func (c *checkpoint) install(state *State) error {
	db, err := c.build(state)
	if err != nil {
		os.Remove(c.path + restoreSuffix)
		return err
	}
	if err := os.Rename(c.path+restoreSuffix, c.path); err != nil {
		db.Close()
		os.Remove(c.path + restoreSuffix)
		return err
	}
	// Should the entry of the directory be lost in a power cut, the old file is
	// back, with its older position: the log, or the snapshot, is there still.
	syncDir(filepath.Dir(c.path))
	c.db.Close()
	c.db = db
	return nil
}

// build makes the file of a state, complete and on disk, and leaves it open.
func (c *checkpoint) build(state *State) (*bolt.DB, error) {
	path := c.path + restoreSuffix
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	db, err := openBolt(path)
	if err != nil {
		return nil, err
	}
	db.NoSync = true
	w := &restoreWriter{db: db, state: state, batch: records{}}
	err = c.prepare(db)
	if err == nil {
		err = state.records(w.put)
	}
	if err == nil {
		err = w.flush()
	}
	if err == nil {
		err = db.Sync()
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	db.NoSync = false
	return db, nil
}

// restoreWriter writes records in transactions of a bounded size.
type restoreWriter struct {
	db    *bolt.DB
	state *State
	batch records
}

func (w *restoreWriter) put(bucket byte, key string, v any) error {
	if bucket == bucketHistory {
		return nil // written with the first flush
	}
	w.batch.put(bucket, key, v)
	if len(w.batch) < restoreBatch {
		return nil
	}
	return w.flush()
}

func (w *restoreWriter) flush() error {
	err := w.db.Update(func(tx *bolt.Tx) error { return writeRecords(tx, w.batch, w.state) })
	clear(w.batch)
	return err
}

// syncDir makes a rename in the directory durable, as far as the system can.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		d.Sync()
		d.Close()
	}
}

// wakeAll fires every watch of a state that is no longer the present one.
func (s *State) wakeAll() {
	for _, t := range s.tables {
		t.Watch.fire()
	}
	s.nodes.Root().Walk(func(_ []byte, v *NodeView) bool {
		v.Catalog.fire()
		v.Health.fire()
		return false
	})
	s.services.Root().Walk(func(_ []byte, v *ServiceView) bool {
		v.Catalog.fire()
		v.Health.fire()
		return false
	})
	s.kv.root.watches((*Watch).fire)
	for _, w := range s.history.watches {
		w.fire()
	}
	// Removing everything is how these trees are told that nothing in them
	// holds any more, for those who wait for what is absent.
	nodes, services := s.nodes.Txn(), s.services.Txn()
	nodes.TrackMutate(true)
	services.TrackMutate(true)
	nodes.DeletePrefix(nil)
	services.DeletePrefix(nil)
	nodes.Commit()
	services.Commit()
}
