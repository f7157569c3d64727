//go:build linux

package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// smallDisk mounts a file system of the size in bytes for one test.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("a small disk cannot be mounted, which takes root's rights: %v", err)
	}
	t.Cleanup(func() {
		harness.Await(t, "the small disk to be free", func() error { return syscall.Unmount(dir, 0) })
	})
	return dir
}

// fillDisk leaves the given number of bytes free. It returns what makes room
// again.
func fillDisk(t *testing.T, dir string, leave uint64) func() {
	t.Helper()
	var s syscall.Statfs_t
	require.NoError(t, syscall.Statfs(dir, &s))
	free := s.Bavail * uint64(s.Bsize)
	require.Greater(t, free, leave)
	path := filepath.Join(dir, "ballast")
	if err := os.WriteFile(path, make([]byte, free-leave), 0o600); !errors.Is(err, syscall.ENOSPC) {
		require.NoError(t, err) // else the server was quicker to take the rest
	}
	return func() { require.NoError(t, os.Remove(path)) }
}

// A server whose disk is full refuses writes; what it acknowledged before is
// there when there is room again.
func TestAckedWriteSurvivesFullDisk(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	dir := smallDisk(t, 64<<20)
	p := harness.PrepareProcesses(t, binary(), 1, smallLog)
	p.Server(0).Dir = filepath.Join(dir, "data")
	p.Start(0)
	p.WaitHealthy()
	l := harness.NewLedger("web")
	w := newWriters(t, p, l, 4)
	harness.During(func() { w.await(50) }, w.len(), w.work, rnd)
	room := fillDisk(t, dir, 64<<10)
	// Large values use up what the server has set aside; small writes, which
	// the ledger remembers, go on beside them.
	var last error
	n := 0
	harness.During(func() {
		harness.Await(t, "a refused write", func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			n++
			last = p.Client(0).KV().Put(ctx, &api.KVPair{Key: fmt.Sprint("large/", n), Value: make([]byte, 256<<10)})
			if last == nil {
				return fmt.Errorf("%d large writes went through", n)
			}
			return nil
		})
	}, w.len(), w.work, rnd)
	t.Logf("large write %d: %v", n, last)
	for _, killed := range []bool{false, true} {
		if killed {
			p.Server(0).Kill()
			p.Start(0)
		} else {
			room()
		}
		p.WaitHealthy()
		verifyLedger(t, p, l)
		require.NoError(t, l.Write(p.Context(), p.Client(0), fmt.Sprint("after", killed), 1))
	}
	verify(t, p, l)
}

// A cluster goes on while the disk of one server, the leader, is full; that
// server is well again by itself, or after a restart, when there is room.
func TestClusterOutlivesFullDisk(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	dir := smallDisk(t, 64<<20)
	p := harness.PrepareProcesses(t, binary(), 3, smallLog)
	const victim = 0
	p.Server(victim).Dir = filepath.Join(dir, "data")
	for i := range p.Len() {
		p.Start(i)
	}
	p.WaitHealthy()
	lead(t, p, victim)
	l := harness.NewLedger("web")
	w := newWriters(t, p, l, 6)
	client := p.AnyClient()
	harness.During(func() {
		w.await(50)
		room := fillDisk(t, dir, 64<<10)
		defer room()
		for i := range 40 { // more than the leader has set aside
			key := fmt.Sprint("large/", i)
			harness.Await(t, "a large write", func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				return client.KV().Put(ctx, &api.KVPair{Key: key, Value: make([]byte, 256<<10)})
			})
		}
		w.await(100)
	}, w.len(), w.work, rnd)
	if p.Server(victim).Running() {
		p.Server(victim).Signal(syscall.SIGTERM)
		p.Server(victim).Wait(stopLimit)
	}
	verify(t, p, l)
}

// lead makes a server the leader.
func lead(t *testing.T, p *harness.Processes, i int) {
	t.Helper()
	harness.Await(t, "the leader to be the one wanted", func() error {
		if p.WaitLeader() == i {
			return nil
		}
		raft, err := p.Client(i).Operator().RaftConfiguration(p.Context(), nil)
		if err != nil {
			return err
		}
		for _, s := range raft.Servers {
			if s.Address == p.Server(i).RaftAddr() {
				err = p.Client(i).Operator().TransferLeader(p.Context(), s.ID)
			}
		}
		if err == nil {
			err = fmt.Errorf("another one leads")
		}
		return err
	})
}
