package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	bolt "go.etcd.io/bbolt"

	"github.com/registryd/registryd/pkg/api"
)

// filledFile writes a registry.db with a bit of everything over several
// commits, and returns its bytes and the state it holds.
func filledFile(t *testing.T, path string) (file, state []byte) {
	t.Helper()
	s, err := Open(path)
	require.NoError(t, err)
	index := uint64(0)
	apply := func(c Command) {
		index++
		s.ApplyBatch([]Entry{{Index: index, Term: 1, Data: Encode(c)}})
	}
	for round := range 3 {
		for i := range 40 {
			apply(&Register{Node: fmt.Sprintf("n%d", i), Address: "192.0.2.1",
				Service: &api.Service{ID: "web", Service: "web", Port: 100*round + i, Meta: map[string]string{"round": fmt.Sprint(round)}},
				Checks:  []*api.Check{{CheckID: "c", Status: api.Passing, ServiceID: "web"}}})
			apply(&KV{Verb: KVSet, Pair: api.KVPair{Key: fmt.Sprintf("k%d", i), Value: bytes.Repeat([]byte{byte(round)}, 50*i)}})
		}
		apply(&Deregister{Node: fmt.Sprintf("n%d", round)})
		_, err := s.Checkpoint(index)
		require.NoError(t, err)
	}
	state = stateBytes(t, s.State())
	require.NoError(t, s.Close())
	file, err = os.ReadFile(path)
	require.NoError(t, err)
	return file, state
}

func stateBytes(t *testing.T, s *State) []byte {
	t.Helper()
	var b bytes.Buffer
	_, err := s.WriteTo(&b)
	require.NoError(t, err)
	return b.Bytes()
}

// Whatever bits of the file flip, what is served is what was written, now or at
// the commit before, or nothing is.
func TestFlippedBitIsNeverServed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	file, state := filledFile(t, path)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	const page = 4096
	refused, buckets := 0, rootPage(t, path)
	for range 300 {
		damaged := bytes.Clone(file)
		at := 2*page + rnd.IntN(len(file)-2*page)
		if raceDetector && at/page == buckets {
			continue
		}
		damaged[at] ^= 1 << rnd.IntN(8)
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		found, err := loadFile(path)
		if err != nil {
			if !strings.Contains(err.Error(), "it has format") { // the digit of the version was met
				require.ErrorIs(t, err, errDamaged, "byte %d", at)
			}
			refused++
			continue
		}
		require.True(t, bytes.Equal(state, stateBytes(t, found.state)), "byte %d is not what was written", at)
	}
	require.Positive(t, refused)
	t.Logf("%d of 300 refused, the others met free space", refused)
}

// rootPage returns the number of the page that lists the buckets and holds the
// small ones.
func rootPage(t *testing.T, path string) (page int) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.View(func(tx *bolt.Tx) error {
		page = int(tx.Cursor().Bucket().Root())
		return nil
	}))
	return page
}

// A page that leads to itself is damage like any other: bbolt would follow it
// until the memory is full.
func TestPageThatLeadsToItselfIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	file, _ := filledFile(t, path)
	e := binary.NativeEndian
	branches := 0
	for at := 2 * 4096; at < len(file); at += 4096 {
		id := uint64(at / 4096)
		if e.Uint64(file[at:]) == id && e.Uint16(file[at+8:]) == 1 { // a branch
			e.PutUint64(file[at+16+8:], id)
			branches++
		}
	}
	require.Positive(t, branches, "the tree is too low")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	_, err := loadFile(path)
	require.ErrorIs(t, err, errDamaged)
	require.ErrorContains(t, err, "two ways lead to page")
}

// A flipped bit in the name of the bucket that has the position makes no empty
// state of a full one.
func TestFileWithoutItsPositionIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	filledFile(t, path)
	db, err := openBolt(path)
	require.NoError(t, err)
	require.NoError(t, db.Update(func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte{bucketMeta}) }))
	require.NoError(t, db.Close())
	_, err = loadFile(path)
	require.ErrorIs(t, err, errDamaged)
}

func TestShortenedFileIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	file, _ := filledFile(t, path)
	for _, size := range []int{len(file) / 2, len(file) / 4, 3 * 4096, 8192, 100, 1} {
		require.NoError(t, os.WriteFile(path, file[:size], 0o600))
		_, err := Open(path)
		require.ErrorContains(t, err, "registry database "+path+" is damaged", "size %d", size)
	}
}
