package httpapi

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// consulsArchive has the files that a snapshot of Consul has.
func consulsArchive(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for name, text := range map[string]string{"meta.json": `{"Version":1,"ID":"2-10-1","Index":10,"Term":2}`, "state.bin": "\x00state", "SHA256SUMS": "…"} {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text))}))
		_, err := io.WriteString(w, text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.String()
}

func TestSnapshots(t *testing.T) {
	d := open(t, Config{})
	require.Equal(t, 200, d.do("PUT", "/v1/kv/kept", "v").Code)
	saved := d.do("GET", "/v1/snapshot", "")
	require.Equal(t, 200, saved.Code)
	require.Equal(t, "application/x-gzip", saved.Header().Get("Content-Type"))
	require.Equal(t, "1", saved.Header().Get("X-Consul-Index"))
	require.Equal(t, "true", saved.Header().Get("X-Consul-KnownLeader"))
	archive := saved.Body.String()
	flipped := []byte(archive)
	flipped[len(flipped)/2] ^= 1
	d.rows(t, []row{
		{"GET", "/v1/snapshot?dc=mars", "", 500, "No path to datacenter"},
		{"GET", "/v1/snapshot?stale", "", 200, "\x1f\x8b…"},
		{"PUT", "/v1/kv/later", "x", 200, "true"},
		{"DELETE", "/v1/kv/kept", "", 200, "true"},

		{"PUT", "/v1/snapshot", "", 500, "…"},
		{"PUT", "/v1/snapshot", "this is no snapshot", 500, "…"},
		{"PUT", "/v1/snapshot", archive[:len(archive)-10], 500, "…"},
		{"PUT", "/v1/snapshot", string(flipped), 500, "…"},
		{"PUT", "/v1/snapshot", consulsArchive(t), 500, "…"},
		{"PUT", "/v1/snapshot?dc=mars", archive, 500, "No path to datacenter"},
		{"POST", "/v1/snapshot", archive, 405, "method POST not allowed"},
		{"GET", "/v1/kv/?keys", "", 200, `["later"]`},

		{"PUT", "/v1/snapshot", archive, 200, ""},
		{"GET", "/v1/kv/?keys", "", 200, `["kept"]`},
	})
}
