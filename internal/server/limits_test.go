package server

import (
	"bufio"
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
