package store

import (
	"os"
	"syscall"
)

// ReleasePages gives back the memory that pages of registry.db take in this
// process. The file is mapped; what a load or a checkpoint has touched stays
// counted as the process's memory, though it is only a copy of the file that
// the system keeps anyway and maps again when needed.
func (s *Store) ReleasePages() {
	c := s.disk
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.path)
	data := c.db.Info().Data
	if err != nil || data == 0 || info.Size() == 0 {
		return
	}
	// The mapping is at least as long as the file and only read through; its
	// pages are clean, so dropping them loses nothing.
	// It is advice: failing is harmless.
	syscall.Syscall(syscall.SYS_MADVISE, data, uintptr(info.Size()), syscall.MADV_DONTNEED)
}
