package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// logs returns what the files of a log have in all, and how many were put
// aside.
func logs(t *testing.T, path string) (text string, aside int) {
	t.Helper()
	ext := filepath.Ext(path)
	files, err := filepath.Glob(strings.TrimSuffix(path, ext) + "-[0-9]*" + ext)
	require.NoError(t, err)
	var b strings.Builder
	for _, f := range append(files, path) {
		part, err := os.ReadFile(f)
		require.NoError(t, err)
		b.Write(part)
	}
	return b.String(), len(files)
}

func writeLines(t *testing.T, l *logFile, from, to int) (all string) {
	t.Helper()
	for i := from; i < to; i++ {
		line := fmt.Sprintf("line %03d\n", i)
		n, err := l.Write([]byte(line))
		require.NoError(t, err)
		require.Equal(t, len(line), n)
		all += line
	}
	return all
}

func TestLogFileGrowsToItsSize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "r.log")
	l, err := newLogFile(path, 0, 45, 0) // five lines of nine bytes
	require.NoError(t, err)
	want := writeLines(t, l, 0, 23)
	require.NoError(t, l.Close())
	got, aside := logs(t, path)
	require.Equal(t, want, got)
	require.Equal(t, 4, aside)

	l, err = newLogFile(path, 0, 45, 0)
	require.NoError(t, err)
	want += writeLines(t, l, 23, 26)
	require.NoError(t, l.Close())
	got, aside = logs(t, path)
	require.Equal(t, want, got, "a new start goes on in the same file")
	require.Equal(t, 5, aside)
}

func TestLogLineThatIsTooLongIsWrittenAllTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.log")
	l, err := newLogFile(path, 0, 5, 0)
	require.NoError(t, err)
	want := writeLines(t, l, 0, 2)
	require.NoError(t, l.Close())
	got, aside := logs(t, path)
	require.Equal(t, want, got)
	require.Equal(t, 1, aside)
}

func TestLogFileIsPutAsideWhenItIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "r.log")
		l, err := newLogFile(path, time.Hour, 0, 0)
		require.NoError(t, err)
		defer l.Close()
		writeLines(t, l, 0, 2)
		time.Sleep(time.Hour)
		writeLines(t, l, 2, 3)
		_, aside := logs(t, path)
		require.Zero(t, aside)
		time.Sleep(time.Second)
		writeLines(t, l, 3, 4)
		_, aside = logs(t, path)
		require.Equal(t, 1, aside)
	})
}

func TestOldLogFilesAreRemoved(t *testing.T) {
	for keep, left := range map[int]int{0: 9, 1: 1, 3: 3, -1: 0} {
		dir := t.TempDir()
		path := filepath.Join(dir, "r[1].log") // a name that patterns do not match
		others := []string{"r[1]-audit.log", "r[1]-2.txt", "r[1]-x-7.log", "r1-5.log"}
		for _, name := range others {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		}
		l, err := newLogFile(path, 0, 9, keep)
		require.NoError(t, err)
		writeLines(t, l, 0, 10)
		require.NoError(t, l.Close())
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, files, left+1+len(others), "keep %d", keep)
		for _, name := range others {
			require.FileExists(t, filepath.Join(dir, name), "it belongs to somebody else")
		}
		last, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "line 009\n", string(last))
	}
}

func TestLogGoesOnWhenItCannotBePutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.log")
	l, err := newLogFile(path, 0, 9, 0)
	require.NoError(t, err)
	writeLines(t, l, 0, 1)
	require.NoError(t, os.Remove(path)) // there is nothing to rename
	want := writeLines(t, l, 1, 2)
	require.NoError(t, l.Close())
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

func TestLogFileTakesManyWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r.log")
	l, err := newLogFile(path, 0, 90, 0)
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				_, _ = l.Write([]byte("one line\n"))
			}
		})
	}
	all.Wait()
	require.NoError(t, l.Close())
	got, _ := logs(t, path)
	require.Equal(t, strings.Repeat("one line\n", 200), got)
}

func TestLogFileThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for _, path := range []string{dir, filepath.Join(dir, "file", "r.log")} {
		_, err := newLogFile(path, 0, 0, 0)
		require.Error(t, err)
	}
}
