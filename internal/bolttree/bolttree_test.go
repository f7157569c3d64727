package bolttree

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// filled is a file with trees of several levels, some on pages that follow each
// other, one within its parent's page.
func filled(t *testing.T) (db *bbolt.DB, file []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: 4096})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Update(func(tx *bbolt.Tx) error {
		for name, keys := range map[string]int{"a": 6000, "b": 6000, "empty": 0, "few": 1} {
			b, err := tx.CreateBucket([]byte(name))
			for i := 0; i < keys && err == nil; i++ {
				err = b.Put(fmt.Appendf(nil, "key-%06d-%060d", i, i), bytes.Repeat([]byte{1}, 1+i%1000/999*9000))
			}
			if err != nil {
				return err
			}
		}
		return nil
	}))
	file, err = os.ReadFile(path)
	require.NoError(t, err)
	return db, file
}

func check(t *testing.T, db *bbolt.DB, file []byte) error {
	t.Helper()
	tx, err := db.Begin(false)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	return Check(tx, bytes.NewReader(file))
}

func TestDamagedTrees(t *testing.T) {
	db, file := filled(t)
	require.NoError(t, check(t, db, file))
	// Two branches: one leads to the other.
	var upper, lower int64
	e := binary.NativeEndian
	for at := int64(0); at < int64(len(file)); at += 4096 {
		if e.Uint16(file[at+8:]) != kindBranch || e.Uint64(file[at:]) != uint64(at/4096) {
			continue
		}
		for i := range int64(e.Uint16(file[at+10:])) {
			if below := int64(e.Uint64(file[at+headSize+i*elementSize+8:])) * 4096; e.Uint16(file[below+8:]) == kindBranch {
				upper, lower = at, below
			}
		}
	}
	require.NotZero(t, upper, "the trees are too low")
	for name, damage := range map[string]func(f []byte){
		"two ways lead to page":      func(f []byte) { e.PutUint64(f[lower+headSize+8:], uint64(upper/4096)) },
		"two ways lead to":           func(f []byte) { e.PutUint64(f[lower+headSize+8:], uint64(lower/4096)) },
		"the file has only":          func(f []byte) { e.PutUint64(f[lower+headSize+8:], 1<<62) },
		"it says that it is page 77": func(f []byte) { e.PutUint64(f[lower:], 77) },
		"of the kind 1 with 0":       func(f []byte) { e.PutUint16(f[lower+10:], 0) },
		"with 65535 elements":        func(f []byte) { e.PutUint16(f[lower+10:], 65535) },
		"of the kind 16":             func(f []byte) { e.PutUint16(f[lower+8:], 16) },
		"pages are said to follow":   func(f []byte) { e.PutUint32(f[lower+12:], 1<<31) },
	} {
		damaged := bytes.Clone(file)
		damage(damaged)
		require.ErrorContains(t, check(t, db, damaged), name)
	}
	require.Error(t, check(t, db, file[:upper]), "the end is missing")

	leaf := int64(e.Uint64(file[lower+headSize+8:])) * 4096
	damaged := bytes.Clone(file)
	e.PutUint32(damaged[leaf+headSize+12:], 1<<30)
	require.ErrorContains(t, check(t, db, damaged), "element 0 is longer than the page")

	// The leaf that names the buckets, and the empty one that lies within it.
	tx, err := db.Begin(false)
	require.NoError(t, err)
	top := int64(tx.Cursor().Bucket().Root()) * 4096
	require.NoError(t, tx.Rollback())
	empty := top + int64(bytes.Index(file[top:top+4096], []byte("empty"))) + int64(len("empty")) + bucketSize
	for name, damage := range map[string]func(f []byte){
		"bucket 2: it is of the kind 0":      func(f []byte) { f[empty+8] ^= kindLeaf },
		"bucket 2: it is of the kind 1":      func(f []byte) { f[empty+8] = kindBranch },
		"bucket 2: it is of the kind 2 with": func(f []byte) { e.PutUint16(f[empty+10:], 999) },
		"bucket 3: element 0 is longer": func(f []byte) {
			e.PutUint32(f[top+int64(bytes.Index(f[top:top+4096], []byte("few")))+3+bucketSize+headSize+12:], 1<<30)
		},
		"element 1 is longer":                  func(f []byte) { e.PutUint32(f[top+headSize+elementSize+12:], 5000) },
		"bucket 0: it has 3 bytes only":        func(f []byte) { e.PutUint32(f[top+headSize+12:], 3) },
		"bucket 2: it has 20 bytes only":       func(f []byte) { e.PutUint32(f[top+headSize+2*elementSize+12:], 20) },
		"bucket 2: page 9999999: the file has": func(f []byte) { e.PutUint64(f[empty-bucketSize:], 9999999) },
	} {
		damaged := bytes.Clone(file)
		damage(damaged)
		require.ErrorContains(t, check(t, db, damaged), name)
	}

	// Whatever bit flips, the walk comes to its end.
	for bit := range 8 * 100 {
		for _, at := range []int64{upper, lower, top} {
			file[at+int64(bit/8)] ^= 1 << (bit % 8)
			_ = check(t, db, file)
			file[at+int64(bit/8)] ^= 1 << (bit % 8)
		}
	}
}
