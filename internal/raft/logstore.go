package raft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	hraft "github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/metadb"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// cachedEntries is how many of the newest log entries are kept in memory: what
// is applied and sent to followers that keep up is not read from disk again.
const cachedEntries = 1024

// lockWait is how long a start waits for another process to give the files up.
const lockWait = 500 * time.Millisecond

// storage is what consensus keeps on disk:
//
//	raft/raft.db   term, vote, notes of this package (stable.go) and, with the
//	               log store "boltdb", the log
//	raft/journal-* with the log store "boltdb", the newest entries
//	raft/wal/      the log, with the log store "wal"
//	raft/*.snap    a snapshot received from the leader, until it is restored
type storage struct {
	dir     string // the raft directory
	bolt    *raftboltdb.BoltStore
	journal *journal           // in front of bolt; nil with "wal"
	wal     *wal.WAL           // nil with "boltdb"
	meta    *metadb.BoltMetaDB // of wal, which opens but does not close it
	logs    hraft.LogStore
	stable  *stable
}

// openStorage opens or creates the files. Damage is an error, not a panic.
func openStorage(cfg *Config, logger *logBridge) (s *storage, err error) {
	dir := filepath.Join(cfg.Dir, "raft")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create raft directory: %w", err)
	}
	path := filepath.Join(dir, "raft.db")
	s = &storage{dir: dir}
	defer damageToError(path, &err, s.close)

	if err = probe(path, lockWait); err == nil {
		s.bolt, err = raftboltdb.New(raftboltdb.Options{
			Path: path,
			BoltOptions: &bbolt.Options{
				Timeout: lockWait,
				// Writing the freelist with each commit costs more the longer
				// the log once was; without, a start scans the short file.
				NoFreelistSync: true,
				FreelistType:   bbolt.FreelistMapType,
			},
		})
	}
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, fmt.Errorf("data directory %s is in use by another process", cfg.Dir)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("open raft log: %w", err)
	case err != nil:
		return nil, damaged(path, err)
	}
	s.stable = &stable{s.bolt}

	var logs hraft.LogStore
	switch cfg.LogStore {
	case "", "boltdb":
		if _, err := os.Stat(filepath.Join(dir, "wal")); err == nil {
			s.close()
			return nil, fmt.Errorf("data directory %s was written with the log store \"wal\"", cfg.Dir)
		}
		if s.journal, err = openJournal(dir, s.bolt, journalSize); err != nil {
			s.close()
			return nil, err
		}
		logs = s.journal
	case "wal":
		if last, err := s.bolt.LastIndex(); err != nil || last > 0 {
			s.close()
			return nil, fmt.Errorf("data directory %s was written with the log store \"boltdb\"", cfg.Dir)
		}
		walDir := filepath.Join(dir, "wal")
		if err := os.MkdirAll(walDir, 0o700); err != nil {
			s.close()
			return nil, fmt.Errorf("create log directory: %w", err)
		}
		s.meta = &metadb.BoltMetaDB{}
		if s.wal, err = wal.Open(walDir, wal.WithLogger(logger.Named("wal")), wal.WithMetaStore(s.meta)); err != nil {
			s.close()
			return nil, damaged(walDir, err)
		}
		logs = s.wal
	default:
		s.close()
		return nil, fmt.Errorf("unknown log store %q, use \"boltdb\" or \"wal\"", cfg.LogStore)
	}
	if s.logs, err = hraft.NewLogCache(cachedEntries, &checkedLog{LogStore: logs, monotonic: s.wal != nil}); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *storage) close() error {
	var err error
	if s.journal != nil {
		err = s.journal.Close()
	}
	if s.wal != nil {
		err = errors.Join(err, s.wal.Close())
	}
	if s.meta != nil {
		err = errors.Join(err, s.meta.Close())
	}
	if s.bolt != nil {
		err = errors.Join(err, s.bolt.Close())
	}
	return err
}

// damaged is the error for a file that cannot be read.
func damaged(path string, cause any) error {
	return fmt.Errorf("raft log %s is damaged (%v): restore the data directory from a backup, or empty it and let this server join again", path, cause)
}

// damageToError turns a panic while reading a damaged file, and a fault while
// reading a truncated one that is mapped to memory, into an error. It is to be
// deferred; undo runs if there was a panic.
func damageToError(path string, err *error, undo func() error) {
	if r := recover(); r != nil {
		*err = damaged(path, r)
		_ = undo()
	}
}

// faultsPanic makes faults in mapped memory panic in this goroutine, until the
// returned function is called.
func faultsPanic() (restore func()) {
	old := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(old) }
}

// A command in the log is followed by the checksum of its bytes, since neither
// log store notices a flipped bit in an entry.
const checksumSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal returns the command with its checksum, in new memory.
func seal(cmd []byte) []byte {
	b := make([]byte, 0, len(cmd)+checksumSize)
	b = append(b, cmd...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(cmd, castagnoli))
}

// unseal returns the command of a log entry's data.
func unseal(l *hraft.Log) ([]byte, error) {
	n := len(l.Data) - checksumSize
	if n < 0 || crc32.Checksum(l.Data[:n], castagnoli) != binary.BigEndian.Uint32(l.Data[n:]) {
		return nil, fmt.Errorf("log entry %d has a wrong checksum", l.Index)
	}
	return l.Data[:n:n], nil
}

// isMark reports whether the entry is an empty command, see terms.go.
func isMark(l *hraft.Log) bool { return l.Type == hraft.LogCommand && len(l.Data) == 0 }

// checkedLog verifies the checksum of commands read back from disk, and lets no
// command in that is bound to another term.
type checkedLog struct {
	hraft.LogStore
	monotonic bool
}

func (c *checkedLog) IsMonotonic() bool { return c.monotonic }

// StoreLogs changes the entries it is given: those that the library appends,
// sends and applies.
func (c *checkedLog) StoreLogs(logs []*hraft.Log) error {
	keepTerms(logs)
	return c.LogStore.StoreLogs(logs)
}

func (c *checkedLog) StoreLog(l *hraft.Log) error { return c.StoreLogs([]*hraft.Log{l}) }

func (c *checkedLog) GetLog(index uint64, l *hraft.Log) error {
	if c.monotonic {
		// The log store "wal" still finds entries of its newest file that were
		// truncated.
		first, err := c.FirstIndex()
		if err != nil {
			return err
		}
		if index < first {
			return hraft.ErrLogNotFound
		}
	}
	if err := c.LogStore.GetLog(index, l); err != nil {
		return err
	}
	if l.Index != index {
		return fmt.Errorf("log entry %d is stored at index %d", l.Index, index)
	}
	if l.Type == hraft.LogCommand && !isMark(l) {
		_, err := unseal(l)
		return err
	}
	return nil
}
