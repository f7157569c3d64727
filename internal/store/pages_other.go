//go:build !linux

package store

// ReleasePages gives back the memory that pages of registry.db take in this
// process, where the system has a way to.
func (s *Store) ReleasePages() {}
