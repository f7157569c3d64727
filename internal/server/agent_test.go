package server

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// The stream of metrics tells at once that it has begun, and ends with the
// server.
func TestMetricsStreamBeginsAtOnce(t *testing.T) {
	s := openTest(t)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("http://" + s.HTTPAddr() + "/v1/agent/metrics/stream")
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.NoError(t, s.Close())
	_, err = io.ReadAll(resp.Body)
	require.NoError(t, err)
}

// Clients find in the configuration where this server may be joined.
func TestSelfNamesTheJoinAddress(t *testing.T) {
	s := openTest(t)
	self, err := s.Self(context.Background())
	require.NoError(t, err)
	require.Equal(t, "tcp://"+s.advertise, self["DebugConfig"].(map[string]any)["SerfAdvertiseAddrLAN"])
}
