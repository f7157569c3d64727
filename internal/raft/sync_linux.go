package raft

import (
	"os"
	"syscall"
)

// syncData makes what was written to a file durable. The file keeps its size,
// so the file system's own records need not be synced with it.
func syncData(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
