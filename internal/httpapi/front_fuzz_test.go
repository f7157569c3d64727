package httpapi

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzFrontRequest holds the quick way's reading of a request against that of
// net/http: what it takes it must understand as net/http does, first of all
// where the request ends.
func FuzzFrontRequest(f *testing.F) {
	for _, s := range []string{
		"GET /v1/health/service/web?passing HTTP/1.1\r\nHost: h\r\n\r\n",
		"PUT /v1/kv/a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nAccept-Encoding: gzip\r\n\r\nabc",
		"GET /v1/x HTTP/1.1\r\nHost: h\r\nAccept: a\nContent-Length: 5\r\n\r\nabcde",
		"GET /v1/x HTTP/1.1\r\nHost: h\r\n X-Consul-Token: t\r\n\r\n",
		"PUT /v1/x?a=%20 HTTP/1.1\r\nHost: h\r\nContent-Length: 007\r\n\r\n       ",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		end := bytes.Index(data, []byte("\r\n\r\n"))
		if end < 0 {
			return
		}
		s := newFrontScratch(t.Context())
		if !s.parse(data[:end+2]) || end+4+s.length > len(data) {
			return
		}
		in := bufio.NewReaderSize(bytes.NewReader(data), len(data)+16)
		r, err := http.ReadRequest(in)
		require.NoError(t, err)
		require.Equal(t, r.Method, s.method)
		require.Equal(t, r.URL.Path, s.url.Path)
		require.Equal(t, r.URL.RawQuery, s.url.RawQuery)
		require.Equal(t, max(r.ContentLength, 0), int64(s.length))
		require.Equal(t, r.Header.Get("Accept-Encoding"), s.header.Get("Accept-Encoding"))
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, string(data[end+4:end+4+s.length]), string(body))
		rest, err := io.ReadAll(in)
		require.NoError(t, err)
		require.Equal(t, string(data[end+4+s.length:]), string(rest))
	})
}
