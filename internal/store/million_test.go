package store

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkMillionKeys says what a million keys of 100 bytes cost in memory,
// and how long a start takes to load them.
func BenchmarkMillionKeys(b *testing.B) {
	path := filepath.Join(b.TempDir(), "registry.db")
	heap := func() float64 {
		runtime.GC()
		runtime.GC() // what finalizers held goes with the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	const keys = 1000000
	s, err := Open(path)
	require.NoError(b, err)
	value := strings.Repeat("v", 100)
	entries := make([]Entry, 100)
	for i := 0; i < keys; i += len(entries) {
		for j := range entries {
			entries[j] = Entry{Index: uint64(i + j + 1), Term: 1, Data: Encode(set(fmt.Sprintf("app/%03d/key-%06d", (i+j)%1000, i+j), value))}
		}
		s.ApplyBatch(entries)
	}
	require.NoError(b, s.Close())
	s = nil
	before := heap()
	b.ResetTimer()
	for range b.N {
		loaded, err := Open(path)
		require.NoError(b, err)
		b.StopTimer()
		s = loaded
		b.ReportMetric((heap()-before)/keys, "B/key")
		require.Equal(b, keys, s.State().KeyCount())
		require.NoError(b, s.Close())
		s = nil
		b.StartTimer()
	}
}
