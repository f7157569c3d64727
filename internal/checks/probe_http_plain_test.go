package checks

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// saying serves one answer, word by word, to every request, and returns its
// URL. It leaves the connection open if linger is set.
func saying(t *testing.T, answer string, linger bool) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				_, _ = io.WriteString(conn, answer)
				if linger {
					_, _ = io.Copy(io.Discard, conn) // until the other side has had enough
				}
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	return "http://" + ln.Addr().String()
}

func TestPlainHTTPReadsWhatServersSay(t *testing.T) {
	secure := tlsServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "safe") }))
	for name, c := range map[string]struct {
		answer         string
		method         string
		linger         bool
		status, output string
	}{
		"with a length":        {answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokay", status: api.Passing, output: "200 OK Output: ok"},
		"to the end":           {answer: "HTTP/1.0 200 OK\r\n\r\nall of it", status: api.Passing, output: "Output: all of it"},
		"in chunks":            {answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", status: api.Passing, output: "Output: abcde"},
		"announced":            {answer: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", status: api.Passing, output: "204 No Content"},
		"head only":            {answer: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", method: "HEAD", linger: true, status: api.Passing, output: "HTTP HEAD"},
		"stays connected":      {answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", linger: true, status: api.Passing, output: "Output: ok"},
		"cut short":            {answer: "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok", status: api.Passing, output: "Output: ok"},
		"another protocol":     {answer: "HTTP/1.1 101 Switching Protocols\r\n\r\n", status: api.Critical, output: "101"},
		"nothing":              {answer: "", status: api.Critical, output: "EOF"},
		"no HTTP":              {answer: "220 smtp.example.com ESMTP\r\n", status: api.Critical, output: "malformed"},
		"a header without end": {answer: "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", bodyMax+headerMax), status: api.Critical, output: "EOF"},
		"away, with TLS":       {answer: "HTTP/1.1 302 Found\r\nLocation: " + secure.URL + "\r\nContent-Length: 0\r\n\r\n", status: api.Critical, output: "certificate"},
		"round in circles":     {answer: "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", status: api.Critical, output: "stopped after 10 redirects"},
	} {
		t.Run(name, func(t *testing.T) {
			status, output := try(t, api.CheckDefinition{HTTP: saying(t, c.answer, c.linger), Method: c.method})
			require.Equal(t, c.status, status, output)
			require.Contains(t, output, c.output)
		})
	}
}

func TestPlainHTTPEndsWithItsContext(t *testing.T) {
	p := newPlainHTTP(nil)
	for name, url := range map[string]string{
		"no answer": "http://" + deaf(t),
		"no end":    saying(t, "HTTP/1.1 200 OK\r\n", true),
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
			require.NoError(t, err)
			time.AfterFunc(20*time.Millisecond, cancel)
			_, err = p.RoundTrip(req)
			require.ErrorIs(t, err, context.Canceled)
		})
	}
}

// A program that does not end the connection, though it was asked to, sees an
// end and no reset: many log those.
func TestPlainHTTPEndsInOrder(t *testing.T) {
	ends := make(chan error, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			ends <- err
			return
		}
		defer conn.Close()
		_, _ = buf.WriteString("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		_ = buf.Flush()
		_, err = buf.ReadByte() // the answer is complete, and the connection open still
		ends <- err
	}))
	s.Start()
	t.Cleanup(s.Close)
	status, output := try(t, api.CheckDefinition{HTTP: s.URL})
	require.Equal(t, api.Passing, status, output)
	require.ErrorIs(t, <-ends, io.EOF)
}

func TestAddrOf(t *testing.T) {
	for host, want := range map[string]string{
		"web": "web:80", "web:81": "web:81", "10.0.0.1": "10.0.0.1:80", "[::1]": "[::1]:80", "[::1]:8080": "[::1]:8080",
	} {
		require.Equal(t, want, addrOf(host))
	}
}
