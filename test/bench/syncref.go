package main

import (
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// syncRef is the reference of the write workloads: one writer that appends a
// record and makes it durable (fdatasync) before the next.
type syncRef struct {
	dir string
	f   *os.File
}

const syncRecord = 512

func (r *syncRef) run(d time.Duration) *sample {
	s := &sample{}
	if r.f == nil {
		f, err := os.CreateTemp(r.dir, "registrybench-sync-")
		if err != nil {
			s.fail(err)
			return s
		}
		r.f = f
	}
	rec := make([]byte, syncRecord)
	t0 := time.Now()
	end := t0.Add(d)
	for t := t0; t.Before(end); {
		if _, err := r.f.Write(rec); err != nil {
			s.fail(err)
			break
		}
		if err := syscall.Fdatasync(int(r.f.Fd())); err != nil {
			s.fail(err)
			break
		}
		now := time.Now()
		s.lat.add(now.Sub(t))
		s.ops++
		t = now
	}
	s.secs = time.Since(t0).Seconds()
	return s
}

func (r *syncRef) close() {
	if r.f != nil {
		r.f.Close()
		os.Remove(r.f.Name())
		r.f = nil
	}
}

// syncDir is where the append reference writes: beside the server's data
// directory, so on the same filesystem, or in the temporary directory.
func (b *bench) syncDir() string {
	if b.syncAt != "" {
		return b.syncAt
	}
	if b.dataDir != "" {
		return filepath.Dir(filepath.Clean(b.dataDir))
	}
	return os.TempDir()
}
