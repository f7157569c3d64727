package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// checkpoint keeps registry.db. The file has one bucket per kind of record (its
// name is the bucket's number from records.go, one byte) and the bucket "meta".
// The key "state" in that has index and term of the raft entry that all records
// together reflect, and what of the State is no record of its own; "sum" has a
// checksum of it all. The records that changed are written together with those
// keys in one transaction, so the file always shows the registry at one index.
//
// The file may be behind the State: the raft log holds the rest. It is never
// ahead of what raft has committed.
type checkpoint struct {
	path string

	mu      sync.Mutex // serialises writes; guards db, durable, err
	db      *bolt.DB
	durable position
	err     error // of the last background write; nil if it worked

	store *Store
	wake  chan struct{}
	quit  chan struct{}
	ended sync.WaitGroup
	once  sync.Once
}

type position struct{ index, term uint64 }

// checkpointDelay is how long changes gather before the background writer
// takes them to disk. Longer means fewer pages written and more log to replay
// after a crash.
const checkpointDelay = 2 * time.Second

var (
	metaKey   = []byte("state")
	formatKey = []byte("format")
)

// formatVersion is the version of registry.db's layout; all begin with
// formatFamily.
const (
	formatVersion = formatFamily + "1"
	formatFamily  = "registryd "
)

// lockWait is how long another process may take to let go of the file.
const lockWait = time.Second

func openBolt(path string) (*bolt.DB, error) {
	return bolt.Open(path, 0o600, &bolt.Options{Timeout: lockWait, NoFreelistSync: true, FreelistType: bolt.FreelistMapType})
}

// openCheckpoint opens the file and returns what it holds.
func openCheckpoint(path string) (c *checkpoint, found loaded, err error) {
	if found, err = loadFile(path); err != nil {
		return nil, found, openError(path, err)
	}
	db, err := openBolt(path)
	if err != nil {
		return nil, found, openError(path, err)
	}
	// What a restore left that did not come to its end is worth nothing.
	os.Remove(path + restoreSuffix)
	c = &checkpoint{path: path, db: db, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	if err = c.unchanged(found); err == nil {
		err = c.prepare(db)
	}
	if err != nil {
		db.Close()
		return nil, found, openError(path, err)
	}
	return c, found, nil
}

// unchanged refuses a file that another process wrote to after it was read.
func (c *checkpoint) unchanged(found loaded) error {
	return c.db.View(func(tx *bolt.Tx) error {
		if found.txid != 0 && tx.ID() != found.txid {
			return berrors.ErrTimeout
		}
		return nil
	})
}

// openError says what is wrong with the file and how to mend it.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("data directory %s is in use by another process: stop it, or choose another -data-dir", filepath.Dir(path))
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("registry database %s cannot be written: give the server's user the right to, or choose another -data-dir: %w", path, err)
	case errors.Is(err, errDamaged):
		return fmt.Errorf("registry database %s %w; restore a snapshot, or remove the file and the raft directory to take the data from the other servers", path, err)
	}
	return fmt.Errorf("registry database %s cannot be opened: %w", path, err)
}

// prepare makes the buckets of a new file and refuses a foreign one.
func (c *checkpoint) prepare(db *bolt.DB) error {
	return db.Update(func(tx *bolt.Tx) error {
		meta, err := tx.CreateBucketIfNotExists([]byte{bucketMeta})
		if err != nil {
			return err
		}
		switch v := meta.Get(formatKey); {
		case v == nil:
			if err := meta.Put(formatKey, []byte(formatVersion)); err != nil {
				return err
			}
		case string(v) != formatVersion:
			return fmt.Errorf("it has format %q, this version reads %q: use the version that wrote it", v, formatVersion)
		}
		for b := bucketMeta + 1; b < bucketCount; b++ {
			if _, err := tx.CreateBucketIfNotExists([]byte{b}); err != nil {
				return err
			}
		}
		return nil
	})
}

// start begins the background writer.
func (c *checkpoint) start(s *Store) {
	c.store = s
	c.durable.index, c.durable.term = s.LastApplied()
	c.ended.Add(1)
	go c.run()
}

// stop ends the background writer, writes the rest and closes the file.
func (c *checkpoint) stop() (err error) {
	c.once.Do(func() {
		close(c.quit)
		c.ended.Wait()
		_, err = c.write(c.store)
		c.close()
	})
	return err
}

func (c *checkpoint) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.db.Close()
}

// nudge tells the writer that there is something to write.
func (c *checkpoint) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *checkpoint) run() {
	defer c.ended.Done()
	for {
		select {
		case <-c.wake:
		case <-c.quit:
			return
		}
		t := time.NewTimer(checkpointDelay)
		select {
		case <-t.C:
		case <-c.quit:
			t.Stop()
			return
		}
		// A failure is kept and reported by the next Checkpoint; the changes
		// stay in dirty and are tried again with the next ones.
		c.write(c.store)
	}
}

// write takes the changed records to disk and returns the index they reflect.
func (c *checkpoint) write(s *Store) (position, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.mu.Lock()
	batch, state, rebuild := s.dirty, s.State(), s.rebuild
	s.dirty, s.rebuild = records{}, false
	s.mu.Unlock()
	if state.index == c.durable.index && len(batch) == 0 && !rebuild {
		return c.durable, nil
	}
	if rebuild {
		c.err = c.install(state)
	} else {
		c.err = c.db.Update(func(tx *bolt.Tx) error { return writeRecords(tx, batch, state) })
	}
	if c.err != nil {
		c.err = fmt.Errorf("write registry database %s: %w", c.path, c.err)
		s.mu.Lock()
		for k, v := range s.dirty {
			batch[k] = v
		}
		s.dirty, s.rebuild = batch, s.rebuild || rebuild
		s.mu.Unlock()
		return c.durable, c.err
	}
	c.durable = position{state.index, state.term}
	return c.durable, nil
}

// Checkpoint makes everything applied so far durable in registry.db and
// returns the index it then holds, which is at least the given one if that has
// been applied. Safe for concurrent use.
func (s *Store) Checkpoint(uint64) (uint64, error) {
	p, err := s.disk.write(s)
	return p.index, err
}

// Durable returns index and term of what registry.db holds.
func (s *Store) Durable() (index, term uint64) {
	s.disk.mu.Lock()
	defer s.disk.mu.Unlock()
	return s.disk.durable.index, s.disk.durable.term
}
