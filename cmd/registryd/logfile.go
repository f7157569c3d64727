package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// logFile is a log file that is put aside when it is too old or too large.
// Safe for concurrent use.
type logFile struct {
	path     string
	maxAge   time.Duration
	maxBytes int64          // 0 means no limit
	keep     int            // files put aside that are kept; 0 all, below 0 none
	aside    *regexp.Regexp // their names

	mu     sync.Mutex
	f      *os.File
	size   int64
	opened time.Time
}

func newLogFile(path string, maxAge time.Duration, maxBytes int64, keep int) (*logFile, error) {
	ext := filepath.Ext(path)
	name := strings.TrimSuffix(filepath.Base(path), ext)
	aside := regexp.MustCompile("^" + regexp.QuoteMeta(name) + "-[0-9]+" + regexp.QuoteMeta(ext) + "$")
	l := &logFile{path: path, maxAge: maxAge, maxBytes: maxBytes, keep: keep, aside: aside}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return l, l.open()
}

func (l *logFile) open() error {
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.f, l.size, l.opened = f, info.Size(), time.Now()
	return nil
}

// Write appends a line.
func (l *logFile) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := l.maxBytes > 0 && l.size > 0 && l.size+int64(len(b)) > l.maxBytes
	old := l.maxAge > 0 && time.Since(l.opened) > l.maxAge
	if full || old {
		if err := l.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := l.f.Write(b)
	l.size += int64(n)
	return n, err
}

// rotate puts the file aside under a name with the time in it. If that cannot
// be done the file goes on growing: a log that is too long beats none.
func (l *logFile) rotate() error {
	l.f.Close()
	ext := filepath.Ext(l.path)
	aside := fmt.Sprintf("%s-%d%s", strings.TrimSuffix(l.path, ext), time.Now().UnixNano(), ext)
	if err := os.Rename(l.path, aside); err == nil {
		l.prune()
	}
	return l.open()
}

// prune removes the oldest of the files put aside, and no others: a neighbour's
// log may begin with the same words.
func (l *logFile) prune() {
	if l.keep == 0 {
		return
	}
	dir := filepath.Dir(l.path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // what is left over now goes the next time
	}
	var aside []string // in order of time, as ReadDir sorts by name
	for _, e := range entries {
		if l.aside.MatchString(e.Name()) {
			aside = append(aside, filepath.Join(dir, e.Name()))
		}
	}
	for len(aside) > max(l.keep, 0) {
		os.Remove(aside[0])
		aside = aside[1:]
	}
}

// Close closes the file.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Close()
}
