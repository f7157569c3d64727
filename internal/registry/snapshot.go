package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// A snapshot archive is a gzipped tar of three files: meta.json, which says
// what it is; state.bin, the stream that store.State.WriteTo writes; and
// SHA256SUMS, the sums of the two in the form of sha256sum.
const (
	snapshotMetaFile  = "meta.json"
	snapshotStateFile = "state.bin"
	snapshotSumsFile  = "SHA256SUMS"
)

// snapshotFormat names the format in meta.json. An archive of another program
// has another or none.
const snapshotFormat = "registryd snapshot"

// SnapshotMeta is meta.json.
type SnapshotMeta struct {
	Format     string
	Version    int // of the format: 1
	ID         string
	Index      uint64 // of the state, as clients see it
	Term       uint64
	Datacenter string
	Size       int64 // of state.bin in bytes
}

// SaveSnapshot writes an archive of the state.
func (r *Registry) SaveSnapshot(w io.Writer, st *store.State) error {
	// The length has to stand before the stream. The state is frozen, so it is
	// written the same way twice.
	size, err := st.WriteTo(io.Discard)
	if err != nil {
		return fmt.Errorf("measure snapshot: %w", err)
	}
	_, term := st.Position()
	meta, err := json.MarshalIndent(SnapshotMeta{Format: snapshotFormat, Version: 1, ID: fmt.Sprintf("%d-%d", term, st.Index()), Index: st.Index(),
		Term: term, Datacenter: r.cfg.Datacenter, Size: size}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode snapshot description: %w", err)
	}
	meta = append(meta, '\n')
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	now := time.Now().Truncate(time.Second)
	file := func(name string, size int64, write func(io.Writer) error) error {
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, ModTime: now}); err != nil {
			return err
		}
		return write(t)
	}
	sum := sha256.New()
	err = file(snapshotMetaFile, int64(len(meta)), func(w io.Writer) error { _, err := w.Write(meta); return err })
	if err == nil {
		err = file(snapshotStateFile, size, func(w io.Writer) error { _, err := st.WriteTo(io.MultiWriter(w, sum)); return err })
	}
	sums := fmt.Sprintf("%x  %s\n%x  %s\n", sha256.Sum256(meta), snapshotMetaFile, sum.Sum(nil), snapshotStateFile)
	if err == nil {
		err = file(snapshotSumsFile, int64(len(sums)), func(w io.Writer) error { _, err := io.WriteString(w, sums); return err })
	}
	if err = errors.Join(err, t.Close(), z.Close()); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// RestoreSnapshot replaces the whole state of the cluster by that of an archive.
// It is read and checked to its end before anything is touched; a damaged or
// foreign one is Refused. Then it goes through the log, piece by piece, and all
// servers put it in the place of their state at the same point.
func (r *Registry) RestoreSnapshot(ctx context.Context, archive io.Reader) error {
	f, err := os.CreateTemp(r.cfg.Dir, "restore-*.tmp")
	if err != nil {
		return api.Wrap(api.Internal, "restore needs a temporary file", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	meta, err := unpackSnapshot(archive, f)
	if err != nil {
		return api.Wrap(api.Refused, "not a snapshot that can be restored", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return api.Wrap(api.Internal, "read the snapshot again", err)
	}
	st, err := store.ReadSnapshot(f)
	if err == nil && st.Index() != meta.Index {
		err = fmt.Errorf("it is described as of index %d, and is of %d", meta.Index, st.Index())
	}
	if err != nil {
		return api.Wrap(api.Refused, "not a snapshot that can be restored", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return api.Wrap(api.Internal, "read the snapshot again", err)
	}
	r.log.Info("restoring a snapshot", "id", meta.ID, "index", meta.Index, "bytes", meta.Size)
	if err := r.upload(ctx, f); err != nil {
		return err
	}
	r.log.Info("snapshot restored", "id", meta.ID)
	return nil
}

// unpackSnapshot checks an archive and writes its state.bin to w.
func unpackSnapshot(archive io.Reader, w io.Writer) (*SnapshotMeta, error) {
	z, err := gzip.NewReader(archive)
	if err != nil {
		return nil, err
	}
	var meta *SnapshotMeta
	sums := map[string]string{}
	t := tar.NewReader(z)
	for _, want := range []string{snapshotMetaFile, snapshotStateFile, snapshotSumsFile} {
		h, err := t.Next()
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s is missing: %w", want, err)
		case h.Name != want:
			return nil, fmt.Errorf("it has the file %q in the place of %s", h.Name, want)
		}
		sum := sha256.New()
		in := io.TeeReader(t, sum)
		switch want {
		case snapshotMetaFile:
			if meta, err = readMeta(in); err != nil {
				return nil, err
			}
		case snapshotStateFile:
			if _, err := io.Copy(w, in); err != nil {
				return nil, err
			}
		default:
			if err := checkSums(t, sums); err != nil {
				return nil, err
			}
		}
		sums[want] = hex.EncodeToString(sum.Sum(nil))
	}
	if _, err := io.Copy(io.Discard, z); err != nil { // the sum of gzip is at the end
		return nil, err
	}
	return meta, nil
}

// metaLimit bounds the files around state.bin, in bytes.
const metaLimit = 1 << 16

func readMeta(in io.Reader) (*SnapshotMeta, error) {
	b, err := io.ReadAll(io.LimitReader(in, metaLimit))
	if err != nil {
		return nil, err
	}
	m := &SnapshotMeta{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("read %s: %w", snapshotMetaFile, err)
	}
	if m.Format != snapshotFormat || m.Version != 1 {
		return nil, fmt.Errorf("it has the format %q, version %d; this is not one of registryd's, or one of a newer version", m.Format, m.Version)
	}
	return m, nil
}

// checkSums compares the sums listed with those of the files read.
func checkSums(in io.Reader, have map[string]string) error {
	b, err := io.ReadAll(io.LimitReader(in, metaLimit))
	if err != nil {
		return err
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		sum, name, ok := strings.Cut(strings.TrimSpace(line), "  ")
		if !ok || have[name] != sum {
			return fmt.Errorf("the sum of %s does not fit: the archive is damaged", name)
		}
		n++
	}
	if n != len(have) {
		return fmt.Errorf("%s does not list all files", snapshotSumsFile)
	}
	return nil
}

// upload sends a snapshot stream through the log and puts it into force.
func (r *Registry) upload(ctx context.Context, f io.Reader) error {
	name := uuid.NewString()
	pr, pw := io.Pipe()
	packed := make(chan struct{})
	go func() { // ends when the pipe is closed or the file is read
		defer close(packed)
		z := gzip.NewWriter(pw)
		_, err := io.Copy(z, f)
		pw.CloseWithError(errors.Join(err, z.Close()))
	}()
	defer func() { pr.Close(); <-packed }()
	buf := make([]byte, store.MaxRestorePart)
	parts := uint64(0)
	for {
		n, err := io.ReadFull(pr, buf)
		if n > 0 {
			if _, err := r.propose(ctx, &store.RestorePart{Upload: name, Seq: parts, Data: bytes.Clone(buf[:n])}); err != nil {
				return fmt.Errorf("restore stopped, nothing was changed: %w", err)
			}
			parts++
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return api.Wrap(api.Internal, "restore stopped, nothing was changed", err)
		}
	}
	_, err := r.propose(ctx, &store.RestoreDone{Upload: name, Parts: parts})
	return err
}

// uploadPatience is how long an upload may stand still before the leader drops
// it.
const uploadPatience = 10 * time.Minute

// dropUploads drops uploads that were given up, until ctx, a term's, ends.
func (r *Registry) dropUploads(ctx context.Context) {
	var seen string
	var since time.Time
	tick := time.NewTicker(tombstonePace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			name, parts := r.State().Uploading()
			if at := fmt.Sprint(name, parts); at != seen {
				seen, since = at, now
			}
			if parts == 0 || now.Sub(since) < uploadPatience {
				continue
			}
			r.log.Warn("dropping a restore that was given up", "parts", parts)
			if _, err := r.propose(ctx, &store.RestoreDone{Upload: name}); err != nil {
				r.log.Warn("cannot drop a restore that was given up", "error", err)
			}
		}
	}
}
