package store

import (
	"syscall"

	bolt "go.etcd.io/bbolt"
)

// ReleasePages gives back the memory that pages of registry.db take in this
// process. The file is mapped; what a load or a checkpoint has touched stays
// counted as the process's memory, though it is only a copy of the file that
// the system keeps anyway and maps again when needed.
func (s *Store) ReleasePages() {
	s.disk.pages(func(data, size uintptr) {
		// They are clean and only read through, so dropping them loses nothing. It
		// is advice: failing is harmless.
		syscall.Syscall(syscall.SYS_MADVISE, data, size, syscall.MADV_DONTNEED)
	})
}

// pages calls f with where registry.db is in memory, which it is while f runs.
func (c *checkpoint) pages(f func(data, size uintptr)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// Within a transaction the file stays mapped where it is, and all that is in
	// use of it is mapped. The file itself may be longer: BoltDB lets it grow ahead
	// of the mapping, and what lies behind that in memory is somebody else's.
	// An error means that the file was closed.
	_ = c.db.View(func(tx *bolt.Tx) error {
		f(c.db.Info().Data, uintptr(tx.Size()))
		return nil
	})
}
