package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// sink is where the files of a bundle go.
type sink interface {
	add(name string, data []byte) error
	close() error
}

// openBundle creates what will hold the bundle, and returns its path. What is
// there already is not touched.
func openBundle(name string, archive bool) (sink, string, error) {
	if !archive {
		if err := os.Mkdir(name, 0o700); err != nil {
			return nil, "", err
		}
		return folder(name), name, nil
	}
	path := name + ".tar.gz"
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, "", err
	}
	zipped := gzip.NewWriter(f)
	return &tarball{f, zipped, tar.NewWriter(zipped), filepath.Base(name)}, path, nil
}

// folder is a sink of plain files.
type folder string

func (d folder) add(name string, data []byte) error {
	path := filepath.Join(string(d), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

func (folder) close() error { return nil }

// tarball is a sink that packs the files below one directory.
type tarball struct {
	file   *os.File
	zipped *gzip.Writer
	files  *tar.Writer
	dir    string
}

func (t *tarball) add(name string, data []byte) error {
	h := &tar.Header{Name: t.dir + "/" + name, Mode: 0o600, Size: int64(len(data)), ModTime: time.Now()}
	if err := t.files.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.files.Write(data)
	return err
}

func (t *tarball) close() error {
	return errors.Join(t.files.Close(), t.zipped.Close(), t.file.Close())
}

// bundle collects files from several goroutines, and what could not be had.
type bundle struct {
	mu     sync.Mutex
	to     sink
	files  []string
	errors []string
	failed error // of writing
}

// put adds a file, or notes why it could not be had.
func (b *bundle) put(name string, data []byte, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.errors = append(b.errors, fmt.Sprintf("%s: %s", name, err))
		return
	}
	b.write(name, data)
}

func (b *bundle) write(name string, data []byte) {
	if err := b.to.add(name, data); err != nil && b.failed == nil {
		b.failed = err
	}
	b.files = append(b.files, name)
}

// close completes the bundle with the list of what could not be had.
func (b *bundle) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.errors) > 0 {
		text := ""
		for _, line := range b.errors {
			text += line + "\n"
		}
		b.write("errors.txt", []byte(text))
	}
	return errors.Join(b.failed, b.to.close())
}
