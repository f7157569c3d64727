package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Names of the files in a snapshot archive.
const (
	metaFile = "meta.json"
	sumsFile = "SHA256SUMS"
)

// snapshotInfo is what an archive says of itself, after it was checked.
type snapshotInfo struct {
	ID      string
	Size    int64 // of the state in it, in bytes
	Index   uint64
	Term    uint64
	Version int
	// Format and Datacenter are empty in the archives of other programs.
	Format     string
	Datacenter string
	Files      []snapshotFile
	// Records are what the state consists of, Keys the keys below which there
	// are some; both are missing where nobody asked, or of other programs.
	Records []tally `json:",omitempty"`
	Keys    []tally `json:",omitempty"`
}

// snapshotFile is a file in an archive.
type snapshotFile struct {
	Name   string
	Size   int64
	SHA256 string
}

// inspect reads a snapshot archive, a gzipped tar file with its metadata, its
// state and the checksums of both, to the end. The error says what is wrong
// with it; then nothing of it can be trusted.
func inspect(r io.Reader, v keyView) (*snapshotInfo, error) {
	zipped, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return nil, fmt.Errorf("not a snapshot: %w", err)
	}
	info := &snapshotInfo{}
	var meta, sums bytes.Buffer
	for files := tar.NewReader(zipped); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("snapshot is damaged: %w", err)
		}
		sum := sha256.New()
		to := io.Writer(sum)
		var n int64
		switch h.Name {
		case metaFile:
			to = io.MultiWriter(sum, &meta)
		case sumsFile:
			to = &sums
		}
		if h.Name == stateFile {
			n = h.Size
			info.Records, info.Keys, err = countRecords(io.TeeReader(files, sum), v)
		} else {
			n, err = io.Copy(to, files)
		}
		if err != nil {
			return nil, fmt.Errorf("snapshot is damaged: %s: %w", h.Name, err)
		}
		if h.Name != sumsFile {
			info.Files = append(info.Files, snapshotFile{h.Name, n, hex.EncodeToString(sum.Sum(nil))})
		}
	}
	// The end of the archive is not the end of the file: that is where the
	// checksum of the compression is.
	if _, err := io.Copy(io.Discard, zipped); err != nil {
		return nil, fmt.Errorf("snapshot is damaged: %w", err)
	}
	if err := info.verify(sums.String()); err != nil {
		return nil, err
	}
	return info, info.readMeta(meta.Bytes())
}

// verify compares the checksums of the files with those written down.
func (info *snapshotInfo) verify(sums string) error {
	want := map[string]string{}
	for line := range strings.Lines(sums) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok {
			want[strings.TrimSpace(name)] = sum
		}
	}
	for _, f := range info.Files {
		switch want[f.Name] {
		case f.SHA256:
			delete(want, f.Name)
		case "":
			return fmt.Errorf("snapshot is damaged: no checksum of %s", f.Name)
		default:
			return fmt.Errorf("snapshot is damaged: %s has another checksum than was noted", f.Name)
		}
	}
	for name := range want {
		return fmt.Errorf("snapshot is damaged: %s is missing", name)
	}
	return nil
}

// readMeta takes over the metadata.
func (info *snapshotInfo) readMeta(meta []byte) error {
	if len(meta) == 0 {
		return fmt.Errorf("not a snapshot: it has no %s", metaFile)
	}
	if err := json.Unmarshal(meta, info); err != nil {
		return fmt.Errorf("snapshot is damaged: %s: %w", metaFile, err)
	}
	return nil
}
