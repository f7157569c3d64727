package httpapi

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReplies(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", gzipMin) + `"}`
	for _, c := range []struct {
		name   string
		accept string
		pretty bool
		reply  reply
		status int
		kind   string
		packed bool
		body   string
	}{
		{"JSON", "", false, reply{body: encode([]byte(`{"a":1}`))}, 200, "application/json", false, `{"a":1}`},
		{"indented", "", true, reply{body: encode([]byte(`{"a":[1]}`))}, 200, "application/json", false, "{\n    \"a\": [\n        1\n    ]\n}\n"},
		{"text is not indented", "", true, text(200, `{"a":1}`), 200, "text/plain", false, `{"a":1}`},
		{"nothing", "", true, reply{}, 200, "", false, ""},
		{"status alone", "", false, reply{status: 404}, 404, "", false, ""},
		{"status and body", "", false, reply{status: 409, body: encode([]byte("[]"))}, 409, "application/json", false, "[]"},
		{"long, compressed", "gzip", false, reply{body: encode([]byte(long))}, 200, "application/json", true, long},
		{"long, among others", "deflate, gzip;q=0.5", false, reply{body: encode([]byte(long))}, 200, "application/json", true, long},
		{"long, not asked for", "br", false, reply{body: encode([]byte(long))}, 200, "application/json", false, long},
		{"short", "gzip", false, reply{body: encode([]byte("[1]"))}, 200, "application/json", false, "[1]"},
		{"written already", "gzip", false, reply{done: true, status: 500, body: encode([]byte("x"))}, 200, "", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := &request{Request: httptest.NewRequest("GET", "/", nil), pretty: c.pretty}
			if c.accept != "" {
				q.Header.Set("Accept-Encoding", c.accept)
			}
			w := httptest.NewRecorder()
			(&Handler{}).write(w, q, c.reply)
			require.Equal(t, c.status, w.Code)
			require.Equal(t, c.kind, w.Header().Get("Content-Type"))
			require.Equal(t, c.packed, w.Header().Get("Content-Encoding") == "gzip")
			body := w.Body.Bytes()
			if c.packed {
				z, err := gzip.NewReader(bytes.NewReader(body))
				require.NoError(t, err)
				body, err = io.ReadAll(z)
				require.NoError(t, err)
			}
			require.Equal(t, c.body, string(body))
		})
	}
}

func TestCompressedFormIsMadeOnce(t *testing.T) {
	e := encode(bytes.Repeat([]byte("x"), gzipMin))
	require.Same(t, &e.gzip()[0], &e.gzip()[0])
}

func TestHeadersOfReads(t *testing.T) {
	for _, c := range []struct {
		m    meta
		want map[string]string
	}{
		{meta{index: 7, known: true, backend: true, consistency: "leader"}, map[string]string{
			"X-Consul-Index": "7", "X-Consul-Knownleader": "true", "X-Consul-Lastcontact": "0", "X-Consul-Effective-Consistency": "leader", "X-Consul-Query-Backend": "blocking-query"}},
		{meta{index: 1, lastContact: 250, consistency: "stale"}, map[string]string{
			"X-Consul-Index": "1", "X-Consul-Knownleader": "false", "X-Consul-Lastcontact": "250", "X-Consul-Effective-Consistency": "stale"}},
		{meta{index: 1, known: true, consistency: "consistent"}, map[string]string{
			"X-Consul-Index": "1", "X-Consul-Knownleader": "true", "X-Consul-Lastcontact": "0", "X-Consul-Effective-Consistency": "consistent"}},
		{meta{index: 1, known: true}, map[string]string{"X-Consul-Index": "1", "X-Consul-Knownleader": "true", "X-Consul-Lastcontact": "0"}},
	} {
		h := http.Header{}
		c.m.write(h)
		got := map[string]string{}
		for k := range h {
			got[k] = h.Get(k)
		}
		require.Equal(t, c.want, got)
	}
}

func TestWhatCannotBeIndentedStaysAsItIs(t *testing.T) {
	require.Equal(t, "no json", string(indent([]byte("no json"))))
}
