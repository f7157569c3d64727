package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// part is a file to be put into an archive.
type part struct{ name, text string }

const snapshotMeta = `{"Format":"registryd snapshot","Version":1,"ID":"2-42","Index":42,"Term":2,"Datacenter":"dc1","Size":5}`

// sums are the checksums of parts.
func sums(parts ...part) part {
	text := ""
	for _, p := range parts {
		text += fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(p.text)), p.name)
	}
	return part{"SHA256SUMS", text}
}

// archive packs parts as a snapshot is packed.
func archive(t *testing.T, parts ...part) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	files := tar.NewWriter(zipped)
	for _, p := range parts {
		require.NoError(t, files.WriteHeader(&tar.Header{Name: p.name, Mode: 0o600, Size: int64(len(p.text))}))
		_, err := files.Write([]byte(p.text))
		require.NoError(t, err)
	}
	require.NoError(t, files.Close())
	require.NoError(t, zipped.Close())
	return b.Bytes()
}

func goodArchive(t *testing.T) []byte {
	meta, state := part{"meta.json", snapshotMeta}, part{"state.bin", "state"}
	return archive(t, meta, state, sums(meta, state))
}

func TestSnapshotSaveInspectRestore(t *testing.T) {
	good := goodArchive(t)
	f := serve(t, map[string]answer{
		"GET /v1/snapshot": {body: string(good)},
		"PUT /v1/snapshot": {},
	})
	dir := t.TempDir()
	path := filepath.Join(dir, "a.snap")
	o := call(t, f.URL, "snapshot", "save", path)
	require.Zero(t, o.code, o.stderr)
	require.Equal(t, "Saved and verified snapshot to index 42\n", o.stdout)
	saved, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, good, saved)

	o = call(t, f.URL, "snapshot", "inspect", path)
	require.Zero(t, o.code, o.stderr)
	require.Contains(t, o.stdout, "ID          2-42\nSize        5\nIndex       42\nTerm        2\nVersion     1\nFormat      registryd snapshot\nDatacenter  dc1\n")
	require.Contains(t, o.stdout, "state.bin  5 ")

	for _, name := range []string{path, "-"} {
		o = callWith(t, string(good), f.URL, "snapshot", "restore", name)
		require.Zero(t, o.code, o.stderr)
		require.Equal(t, "Restored snapshot\n", o.stdout)
		require.Equal(t, "PUT /v1/snapshot "+string(good), f.requests()[len(f.requests())-1])
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing but the snapshot")
}

// A damaged file must be found, whichever byte is wrong or missing, and never
// be sent to a server or be left under the name that was asked for.
func TestDamagedSnapshots(t *testing.T) {
	good := goodArchive(t)
	meta, state := part{"meta.json", snapshotMeta}, part{"state.bin", "state"}
	cases := map[string][]byte{
		"empty":           nil,
		"foreign":         []byte("hello"),
		"no metadata":     archive(t, state, sums(state)),
		"no checksums":    archive(t, meta, state),
		"wrong checksum":  archive(t, meta, state, sums(meta, part{"state.bin", "other"})),
		"state missing":   archive(t, meta, sums(meta, state)),
		"metadata broken": archive(t, part{"meta.json", "{"}, state, sums(part{"meta.json", "{"}, state)),
	}
	for i := range 16 {
		cases[fmt.Sprint("cut at ", i)] = good[:len(good)*i/16]
	}
	for name, data := range cases {
		_, err := inspect(bytes.NewReader(data), keyView{})
		require.Error(t, err, name)
	}
	// Bytes 3 to 9 of gzip (flags, time, system) say nothing of the content.
	for i := 10; i < len(good); i++ {
		bad := bytes.Clone(good)
		bad[i] ^= 0x55
		_, err := inspect(bytes.NewReader(bad), keyView{})
		require.Error(t, err, "byte %d", i)
	}

	f := serve(t, map[string]answer{"GET /v1/snapshot": {body: string(good[:len(good)-9])}})
	dir := t.TempDir()
	path := filepath.Join(dir, "bad.snap")
	o := call(t, f.URL, "snapshot", "save", path)
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stderr, "damaged")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)

	require.NoError(t, os.WriteFile(path, cases["wrong checksum"], 0o600))
	asked := len(f.requests())
	o = call(t, f.URL, "snapshot", "restore", path)
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stderr, "state.bin has another checksum than was noted")
	require.Len(t, f.requests(), asked)
}

// What is in a snapshot is counted by kind, and keys by what they begin with.
func TestSnapshotContent(t *testing.T) {
	record := func(kind byte, key, value string) string {
		b := binary.AppendUvarint([]byte{kind}, uint64(len(key)))
		b = binary.AppendUvarint(append(b, key...), uint64(len(value)))
		return string(append(b, value...))
	}
	text := stateHead + record(0, "state", "12") + record(1, "n1", "node") + record(5, "a/b/c", "12345") + record(5, "a/b/d", "") + record(5, "a/x", "1") +
		record(5, "z", "1") + record(77, "new", "") + "\xff\x07" + strings.Repeat("s", 32)
	meta := part{"meta.json", snapshotMeta}
	write := func(state string) string {
		path := filepath.Join(t.TempDir(), "a.snap")
		s := part{"state.bin", state}
		require.NoError(t, os.WriteFile(path, archive(t, meta, s, sums(meta, s)), 0o600))
		return path
	}
	path := write(text)
	o := call(t, "", "snapshot", "inspect", path)
	require.Zero(t, o.code, o.stderr)
	require.Contains(t, o.stdout, "Records   Count  Size\nkeys      4      21\nposition  1      7\nnodes     1      6\nkind 77   1      3\n")
	require.NotContains(t, o.stdout, "a/b")

	o = call(t, "", "snapshot", "inspect", "-kvdetails", path)
	require.Contains(t, o.stdout, "Keys  Count  Size\na/b   2      15\na/x   1      4\nz     1      2\n")
	o = call(t, "", "snapshot", "inspect", "-kvdetails", "-kvdepth=1", "-kvfilter=a/", path)
	require.Contains(t, o.stdout, "Keys  Count  Size\na     3      19\n")
	o = call(t, "", "snapshot", "inspect", "-kvdetails", "-kvdepth=9", "-kvfilter=a/b/d", "-format=json", path)
	require.Contains(t, o.stdout, `"Keys"`)
	require.Contains(t, o.stdout, `"Name": "a/b/d"`)
	require.Equal(t, exitUsage, call(t, "", "snapshot", "inspect", "-kvdepth=0", path).code)
	require.Equal(t, exitUsage, call(t, "", "snapshot", "inspect", "-format=xml", path).code)

	o = call(t, "", "snapshot", "inspect", write(text[:len(text)-40]))
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stderr, "snapshot is damaged: state.bin")
}
