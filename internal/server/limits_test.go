package server

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/go-metrics"
	"github.com/stretchr/testify/require"
)

// A client over the limit is told so and may come again when it has let go.
func TestTooManyConnections(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ln := newConnLimit(1).listener(inner, tooMany)
	accepted := make(chan net.Conn)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	defer func() { ln.Close(); <-ended }()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", inner.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	first := <-accepted
	res, err := http.ReadResponse(bufio.NewReader(dial()), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusTooManyRequests, res.StatusCode)
	require.True(t, res.Close)
	require.NoError(t, first.Close())
	dial()
	require.NoError(t, (<-accepted).Close())
}

// Limits that are configured are those that clients meet.
func TestConfiguredLimits(t *testing.T) {
	s := openTest(t, `session_ttl_min = "1s"`, `limits { kv_max_value_size = 1000 txn_max_req_len = 2000 }`)
	ask := func(method, path string, content io.Reader) (int, string) {
		req, err := http.NewRequest(method, "http://"+s.HTTPAddr()+path, content)
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		return res.StatusCode, strings.TrimSpace(body(t, res))
	}
	defer http.DefaultClient.CloseIdleConnections()
	require.Eventually(t, func() bool { status, _ := ask("PUT", "/v1/kv/ready", nil); return status == 200 }, waitLong, waitStep)
	value := func(n int) string { return strings.Repeat("v", n) }
	txn := func(n int) string { return "[" + strings.Repeat(" ", n-2) + "]" }
	unsized := func(s string) io.Reader { return struct{ io.Reader }{strings.NewReader(s)} }
	for _, c := range []struct {
		path    string
		content io.Reader
		status  int
		answer  string
	}{
		{"/v1/kv/k", strings.NewReader(value(1000)), 200, "true"},
		{"/v1/kv/k", unsized(value(1000)), 200, "true"},
		{"/v1/kv/k", strings.NewReader(value(1001)), 413, "Value exceeds 1000 byte limit: Request body is too large, max size: 1000 bytes"},
		{"/v1/kv/k", unsized(value(1001)), 413, "Value exceeds 1000 byte limit: Request body is too large, max size: 1000 bytes"},
		{"/v1/txn", strings.NewReader(txn(2000)), 200, ""},
		{"/v1/txn", strings.NewReader(txn(2001)), 413, "Request body is too large: it exceeds the limit of 2000 bytes for a transaction"},
		{"/v1/txn", unsized(txn(2001)), 413, "Request body is too large: it exceeds the limit of 2000 bytes for a transaction"},
		{"/v1/session/create", strings.NewReader(`{"TTL":"1s"}`), 200, ""},
		{"/v1/session/create", strings.NewReader(`{"TTL":"999ms"}`), 500, "Invalid Session TTL '999000000', must be between [1s=24h0m0s]"},
	} {
		status, answer := ask("PUT", c.path, c.content)
		require.Equal(t, c.status, status, "%s: %s", c.path, answer)
		if c.answer != "" {
			require.Equal(t, c.answer, answer)
		}
	}
}

// The first interval has the runtime's measures already.
func TestRuntimeMetricsComeAtOnce(t *testing.T) {
	sink := metrics.NewInmemSink(metricsInterval, metricsKept)
	conf := metrics.DefaultConfig("consul")
	conf.EnableRuntimeMetrics, conf.HostName = false, "host"
	m, err := metrics.New(conf, sink)
	require.NoError(t, err)
	stop := make(chan struct{})
	close(stop)
	emitRuntime(m, stop)
	summary, err := sink.DisplayMetrics(nil, nil)
	require.NoError(t, err)
	var names []string
	for _, g := range summary.(metrics.MetricsSummary).Gauges {
		names = append(names, g.Name)
	}
	require.Contains(t, strings.Join(names, " "), "consul.host.runtime.alloc_bytes")
}
