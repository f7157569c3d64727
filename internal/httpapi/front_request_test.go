package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPlainRequests says which requests the quick way before net/http takes:
// all that are not plain go to net/http, however well formed.
func TestPlainRequests(t *testing.T) {
	for _, c := range []struct {
		head   string
		plain  bool
		length int
	}{
		{"GET /v1/x?a=b HTTP/1.1|Host: h", true, 0},
		{"PUT /v1/x HTTP/1.1|host: h|content-length: 12|User-Agent: u|Accept: */*|X-Consul-Token: t|Content-Type: x|Connection: Keep-Alive", true, 12},
		{"POST /v1/x HTTP/1.1|Host: h", false, 0},
		{"GET /v1/x HTTP/1.0|Host: h", false, 0},
		{"GET /v1/x", false, 0},
		{"GET http://h/v1/x HTTP/1.1|Host: h", false, 0},
		{"GET /v1/a%20b HTTP/1.1|Host: h", false, 0},
		{"GET /v1/a\x01b HTTP/1.1|Host: h", false, 0},
		{"GET /v1//x HTTP/1.1|Host: h", false, 0},
		{"GET /v1/x HTTP/1.1", false, 0},
		{"GET /v1/x HTTP/1.1|Host: h|Host: i", false, 0},
		{"GET /v1/x HTTP/1.1|Host:", false, 0},
		{"GET /v1/x HTTP/1.1|Host : h", false, 0},
		{"GET /v1/x HTTP/1.1|Host: h|Accept: text/html", false, 0},
		{"GET /v1/x HTTP/1.1|Host: h|Connection: close", false, 0},
		{"GET /v1/x HTTP/1.1|Host: h|Transfer-Encoding: chunked", false, 0},
		{"GET /v1/x HTTP/1.1|Host: h|no colon", false, 0},
		{"PUT /v1/x HTTP/1.1|Host: h|Content-Length: -1", false, 0},
		{"PUT /v1/x HTTP/1.1|Host: h|Content-Length: +1", false, 0},
		{"PUT /v1/x HTTP/1.1|Host: h|Content-Length:", false, 0},
		{"PUT /v1/x HTTP/1.1|Host: h|Content-Length: 99999999999", false, 0},
		{"PUT /v1/x HTTP/1.1|Host: h|Content-Length: 5|Content-Length: 6", false, 0},
	} {
		s := &frontScratch{header: http.Header{}}
		s.url.Path = "before"
		require.Equal(t, c.plain, s.parse([]byte(strings.ReplaceAll(c.head, "|", "\r\n")+"\r\n")), c.head)
		if c.plain {
			require.Equal(t, c.length, s.length, c.head)
			require.Equal(t, "/v1/x", s.url.Path)
		}
	}
}
