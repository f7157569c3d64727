package store

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// BoltDB lets a file grow ahead of its mapping. Whatever lies behind the mapping
// must not be touched: it may be the memory of Go itself.
func TestReleasedPagesAreMapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	s, err := Open(path)
	require.NoError(t, err)
	defer s.Close()
	ahead := false
	for i := range uint64(100) {
		s.ApplyBatch([]Entry{{Index: i + 1, Term: 1, Data: Encode(&KV{Verb: KVSet,
			Pair: api.KVPair{Key: fmt.Sprint(i), Value: bytes.Repeat([]byte{byte(i)}, 512<<10)}})}})
		_, err := s.Checkpoint(i + 1)
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		s.disk.pages(func(data, size uintptr) {
			begin, end := mapping(t, path)
			require.Equal(t, begin, data)
			require.LessOrEqual(t, data+size, end)
			ahead = ahead || begin+uintptr(info.Size()) > end
		})
		s.ReleasePages()
	}
	require.True(t, ahead, "the file was longer than its mapping once")
}

// mapping returns where a file is in the memory of this process.
func mapping(t *testing.T, path string) (begin, end uintptr) {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(strings.TrimSpace(line), path) {
			_, err := fmt.Sscanf(line, "%x-%x", &begin, &end)
			require.NoError(t, err)
			return begin, end
		}
	}
	t.Fatalf("%s is not mapped", path)
	return 0, 0
}
