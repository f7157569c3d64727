package raft

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	hraft "github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// journalTest is a journal over a log in memory, which stands for the part of
// the disk that a crash leaves.
type journalTest struct {
	*journal
	t    *testing.T
	dir  string
	base *hraft.InmemStore
}

func newJournalTest(t *testing.T) *journalTest {
	j := &journalTest{t: t, dir: t.TempDir(), base: hraft.NewInmemStore()}
	j.open()
	t.Cleanup(func() { j.Close() })
	return j
}

func (j *journalTest) open() {
	j.t.Helper()
	var err error
	j.journal, err = openJournal(j.dir, j.base, 64<<10)
	require.NoError(j.t, err)
}

// crash opens the files again as they are, without anything being taken over.
func (j *journalTest) crash() {
	j.t.Helper()
	j.base = crashed(j)
	j.open()
}

// crashed ends a journal whose base loses what it is given from now on.
func crashed(j *journalTest) *hraft.InmemStore {
	kept := hraft.NewInmemStore()
	first, _ := j.base.FirstIndex()
	last, _ := j.base.LastIndex()
	for i := first; i <= last && i > 0; i++ {
		var l hraft.Log
		if j.base.GetLog(i, &l) == nil {
			kept.StoreLog(&l)
		}
	}
	j.Close()
	return kept
}

func entries(from, to, term uint64, size int) (logs []*hraft.Log) {
	for i := from; i <= to; i++ {
		data := append([]byte(fmt.Sprintf("%d/%d ", i, term)), make([]byte, size)...)
		logs = append(logs, &hraft.Log{Index: i, Term: term, Data: data, AppendedAt: time.Unix(int64(i), 5).UTC(), Extensions: []byte{1}})
	}
	return logs
}

func (j *journalTest) requireLogs(want []*hraft.Log) {
	j.t.Helper()
	last, err := j.LastIndex()
	require.NoError(j.t, err)
	require.Equal(j.t, want[len(want)-1].Index, last)
	first, err := j.FirstIndex()
	require.NoError(j.t, err)
	require.Equal(j.t, want[0].Index, first)
	for _, w := range want {
		var l hraft.Log
		require.NoError(j.t, j.GetLog(w.Index, &l))
		require.Equal(j.t, *w, l)
	}
}

func TestJournalKeepsWhatItAcknowledged(t *testing.T) {
	for _, size := range []int{0, 100, 5 << 10} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			j := newJournalTest(t)
			var all []*hraft.Log
			for i := uint64(1); i < 200; i += 3 {
				batch := entries(i, i+2, 1, size)
				require.NoError(t, j.StoreLogs(batch))
				all = append(all, batch...)
			}
			j.requireLogs(all)
			j.crash()
			j.requireLogs(all)
			j.crash() // the files are empty now
			j.requireLogs(all)
		})
	}
}

func TestJournalNeverBringsBackWhatWasDeleted(t *testing.T) {
	j := newJournalTest(t)
	require.NoError(t, j.StoreLogs(entries(1, 10, 1, 10)))
	require.NoError(t, j.DeleteRange(6, 10))
	require.NoError(t, j.StoreLogs(entries(6, 7, 2, 10)))
	want := append(entries(1, 5, 1, 10), entries(6, 7, 2, 10)...)
	j.requireLogs(want)
	j.crash()
	j.requireLogs(want)
	require.NoError(t, j.DeleteRange(1, 7))
	j.crash()
	last, err := j.LastIndex()
	require.NoError(t, err)
	require.Zero(t, last)
}

func TestJournalTakesABatchLargerThanItsFile(t *testing.T) {
	j := newJournalTest(t)
	all := entries(1, 1, 1, 10)
	require.NoError(t, j.StoreLogs(all))
	big := entries(2, 6, 1, 20<<10)
	require.NoError(t, j.StoreLogs(big))
	all = append(all, big...)
	j.requireLogs(all)
	j.crash()
	j.requireLogs(all)
}

// TestJournalEndsAtATornBatch cuts the last batch at every byte.
func TestJournalEndsAtATornBatch(t *testing.T) {
	dir := t.TempDir()
	f, err := openJournalFile(dir, 0, 4<<10)
	require.NoError(t, err)
	f.rewind(7)
	require.NoError(t, f.append(f.encode(entries(1, 3, 1, 20))))
	whole := f.offset
	require.NoError(t, f.append(f.encode(entries(4, 5, 1, 20))))
	end := f.offset
	require.NoError(t, f.f.Close())
	good, err := os.ReadFile(f.path)
	require.NoError(t, err)
	for cut := whole; cut < end; cut++ {
		torn := append(append([]byte(nil), good[:cut]...), make([]byte, int64(len(good))-cut)...)
		require.NoError(t, os.WriteFile(f.path, torn, 0o600))
		g, err := openJournalFile(dir, 0, 4<<10)
		require.NoError(t, err)
		require.Len(t, g.found, 3)
		require.NoError(t, g.f.Close())
	}
}

func TestJournalNamesDamageInItsMiddle(t *testing.T) {
	dir := t.TempDir()
	f, err := openJournalFile(dir, 0, 4<<10)
	require.NoError(t, err)
	f.rewind(7)
	var starts []int64
	for i := uint64(1); i <= 4; i++ {
		starts = append(starts, f.offset)
		require.NoError(t, f.append(f.encode(entries(i, i, 1, 20))))
	}
	require.NoError(t, f.f.Close())
	b, err := os.ReadFile(f.path)
	require.NoError(t, err)
	b[starts[1]+journalHeader+3] ^= 1
	require.NoError(t, os.WriteFile(f.path, b, 0o600))
	_, err = openJournalFile(dir, 0, 4<<10)
	require.ErrorContains(t, err, filepath.Base(f.path))
	require.ErrorContains(t, err, "damaged")
}

func BenchmarkJournal(b *testing.B) {
	j, err := openJournal(b.TempDir(), hraft.NewInmemStore(), journalSize)
	require.NoError(b, err)
	defer j.Close()
	b.ReportAllocs()
	for i := uint64(1); b.Loop(); i++ {
		if err := j.StoreLogs(entries(i, i, 1, 300)); err != nil {
			b.Fatal(err)
		}
	}
}
