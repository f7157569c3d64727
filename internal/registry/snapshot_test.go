package registry

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func put(key, value string) *store.KV {
	return &store.KV{Verb: store.KVSet, Pair: api.KVPair{Key: key, Value: []byte(value)}}
}

func TestSnapshotRoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		r.do(put("kept", strings.Repeat("v", 1000)))
		var archive bytes.Buffer
		require.NoError(t, r.SaveSnapshot(&archive, r.State()))
		r.do(put("later", "x"))
		r.do(&store.KV{Verb: store.KVDelete, Pair: api.KVPair{Key: "kept"}})
		index := r.State().Index()

		require.NoError(t, r.RestoreSnapshot(context.Background(), bytes.NewReader(archive.Bytes())))
		require.Equal(t, []string{"kept"}, r.State().KeyNames("", ""))
		require.Greater(t, r.State().Index(), index)
		left, err := os.ReadDir(r.cfg.Dir)
		require.NoError(t, err)
		require.Empty(t, left)
	})
}

func TestBadArchivesAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		r.do(put("k", "v"))
		var b bytes.Buffer
		require.NoError(t, r.SaveSnapshot(&b, r.State()))
		whole := b.Bytes()
		before := r.State().Index()
		bad := [][]byte{nil, []byte("this is no snapshot"), whole[:len(whole)-1], whole[:20]}
		for i := 10; i < len(whole); i += 7 {
			c := bytes.Clone(whole)
			c[i] ^= 1
			// A flipped bit may mean the same: which of many zeros to repeat.
			if !bytes.Equal(unzipped(c), unzipped(whole)) {
				bad = append(bad, c)
			}
		}
		for i, c := range bad {
			err := r.RestoreSnapshot(context.Background(), bytes.NewReader(c))
			require.ErrorIs(t, err, api.Refused, "%d", i)
		}
		require.Equal(t, before, r.State().Index(), "nothing was touched")
	})
}

// unzipped returns what an archive holds, nil if it cannot be unzipped.
func unzipped(archive []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil
	}
	return b
}
