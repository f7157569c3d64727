package server

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/config"
)

// openTest starts one server on free ports.
func openTest(t *testing.T, fragments ...string) *Server {
	t.Helper()
	set := func(key, value string) config.Setting { return config.Setting{Key: key, Value: value, Origin: "test"} }
	cfg, err := config.Load(config.Sources{Fragments: fragments, Settings: []config.Setting{
		set("server", "true"), set("bootstrap", "true"), set("data_dir", t.TempDir()), set("node_name", "one"), set("bind_addr", "127.0.0.1"),
		set("ports.http", "0"), set("ports.server", "0"), set("ports.serf_lan", "-1"), set("ports.dns", "0"),
	}})
	require.NoError(t, err)
	s, err := Open(cfg, Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// TestFrontAnswersLikeTheLibrary sends requests to the quick way before
// net/http and to net/http itself: the answers must be the same.
func TestFrontAnswersLikeTheLibrary(t *testing.T) {
	s := openTest(t)
	plain := httptest.NewServer(s.handler)
	defer plain.Close()
	require.Eventually(t, func() bool {
		for _, put := range []struct{ path, body string }{
			{"/v1/catalog/register", `{"Node":"n1","Address":"10.0.0.1","Service":{"ID":"w1","Service":"web","Tags":["a b","é"],"Port":80},"Check":{"CheckID":"c","Status":"warning","ServiceID":"w1"}}`},
			{"/v1/agent/service/register", `{"Name":"beat","Check":{"CheckID":"b","TTL":"1h"}}`},
			{"/v1/kv/k/1", strings.Repeat("compress me ", 400)},
		} {
			req, _ := http.NewRequest(http.MethodPut, plain.URL+put.path, strings.NewReader(put.body))
			res, err := plain.Client().Do(req)
			if err != nil {
				return false
			}
			body(t, res)
			if res.StatusCode != http.StatusOK {
				return false
			}
		}
		return true
	}, waitLong, waitStep)
	for _, r := range []struct {
		name, request string
	}{
		{"service", "GET /v1/health/service/web HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"passing", "GET /v1/health/service/web?passing HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\nAccept: */*\r\n\r\n"},
		{"stale and tag", "GET /v1/health/service/web?stale&tag=A HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"absent", "GET /v1/health/service/nobody HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"consistent", "GET /v1/catalog/service/web?consistent HTTP/1.1\r\nHost: x\r\nX-Consul-Token: t\r\n\r\n"},
		{"bad parameters", "GET /v1/catalog/service/web?consistent&stale HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"unknown datacenter", "GET /v1/catalog/service/web?dc=far HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"services", "GET /v1/catalog/services HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"},
		{"nodes", "GET /v1/catalog/nodes?pretty HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"node", "GET /v1/catalog/node/n1 HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"key, compressed", "GET /v1/kv/k/1 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"},
		{"key, raw", "GET /v1/kv/k/1?raw HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"no such key", "GET /v1/kv/k/2 HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"keys", "GET /v1/kv/k?keys HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"agent services", "GET /v1/agent/services HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"filter", "GET /v1/catalog/nodes?filter=Node+==+n1 HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"escaped", "GET /v1/kv/k%2F1 HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"long poll", "GET /v1/health/service/web?index=1 HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"other endpoint", "GET /v1/status/leader HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"unknown header", "GET /v1/health/service/web HTTP/1.1\r\nHost: x\r\nX-Other: y\r\n\r\n"},
		{"no host", "GET /v1/health/service/web HTTP/1.1\r\n\r\n"},
		{"register", "PUT /v1/catalog/register HTTP/1.1\r\nHost: x\r\nContent-Type: text/x\r\nContent-Length: 34\r\n\r\n{\"Node\":\"n2\",\"Address\":\"10.0.0.2\"}"},
		{"register, broken", "PUT /v1/catalog/register HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{\"No\""},
		{"register, no body", "PUT /v1/catalog/register HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"put", "PUT /v1/kv/k/3?flags=7 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"},
		{"what was put", "GET /v1/kv/k/3 HTTP/1.1\r\nHost: x\r\n\r\n"},
		{"put, bad cas", "PUT /v1/kv/k/3?cas=x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"},
		{"bad length", "PUT /v1/kv/k/3 HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc"},
		{"pass", "PUT /v1/agent/check/pass/b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"},
		{"pass, unknown", "PUT /v1/agent/check/pass/nobody HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"},
	} {
		t.Run(r.name, func(t *testing.T) {
			want := exchange(t, plain.Listener.Addr().String(), r.request)
			got := exchange(t, s.HTTPAddr(), r.request)
			require.Equal(t, want.StatusCode, got.StatusCode)
			if want.StatusCode != http.StatusBadRequest {
				// What is not listed by net/http is "" there, the date is the clock's.
				want.Header.Del("Date")
				got.Header.Del("Date")
				require.Equal(t, want.Header, got.Header)
			}
			if r.name == "what was put" {
				require.Contains(t, body(t, got), `"Value":"YWJj"`)
			}
			require.Equal(t, body(t, want), body(t, got))
		})
	}
}

// exchange sends one request on a connection of its own.
func exchange(t *testing.T, addr, request string) *http.Response {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	_, err = io.WriteString(c, request)
	require.NoError(t, err)
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	require.NoError(t, err)
	body(t, res) // before the connection is closed
	return res
}

// body returns an answer's body; it may be called again.
func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.NoError(t, r.Body.Close())
	r.Body = io.NopCloser(bytes.NewReader(b))
	return string(b)
}

// TestFrontHandsConnectionsOn mixes requests for both ways on one connection,
// pipelined and in pieces.
func TestFrontHandsConnectionsOn(t *testing.T) {
	s := openTest(t)
	c, err := net.Dial("tcp", s.HTTPAddr())
	require.NoError(t, err)
	defer c.Close()
	quick := "GET /v1/catalog/services HTTP/1.1\r\nHost: x\r\n\r\n"
	slow := "GET /v1/status/leader HTTP/1.1\r\nHost: x\r\n\r\n"
	go func() {
		io.WriteString(c, quick+quick+slow+quick+quick[:20])
		io.WriteString(c, quick[20:])
	}()
	in := bufio.NewReader(c)
	for range 5 {
		res, err := http.ReadResponse(in, nil)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
	}
}

// TestFrontKeepsBodies puts values the quick way, also several on one
// connection, and reads back what was kept.
func TestFrontKeepsBodies(t *testing.T) {
	s := openTest(t)
	for _, value := range []string{"abc", "", "a longer one"} {
		put := "PUT /v1/kv/kept HTTP/1.1\r\nHost: x\r\nContent-Length: " + strconv.Itoa(len(value)) + "\r\n\r\n" + value
		require.Equal(t, http.StatusOK, exchange(t, s.HTTPAddr(), put).StatusCode)
		res := exchange(t, s.HTTPAddr(), "GET /v1/kv/kept?raw HTTP/1.1\r\nHost: x\r\n\r\n")
		got, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, value, string(got))
	}
}
