package server

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// TestHistoryNamesTheClient: who asked is known on the quick way before
// net/http, and behind it.
func TestHistoryNamesTheClient(t *testing.T) {
	s := openTest(t)
	history := func(name string) (list []*api.HistoryEvent) {
		res, err := http.Get("http://" + s.HTTPAddr() + "/v1/history/service/" + name)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal([]byte(body(t, res)), &list))
		return list
	}
	put := func(name string, header ...string) bool {
		c := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}}).DialContext}}
		defer c.CloseIdleConnections()
		req, err := http.NewRequest(http.MethodPut, "http://"+s.HTTPAddr()+"/v1/agent/service/register", strings.NewReader(`{"Name":"`+name+`"}`))
		require.NoError(t, err)
		for _, h := range header {
			req.Header.Set(h, "x")
		}
		res, err := c.Do(req)
		require.NoError(t, err)
		body(t, res)
		return res.StatusCode == http.StatusOK
	}
	// The leader sets the limits a moment after it has begun to lead.
	require.Eventually(t, func() bool { return s.store.State().HistoryLimits().Count == s.cfg.History.MaxCount && put("quick") }, waitLong, waitStep)
	require.True(t, put("library", "X-Unknown"))
	for _, name := range []string{"quick", "library"} {
		list := history(name)
		require.Len(t, list, 1, name)
		require.Equal(t, "127.0.0.1", list[0].Client)
		require.Equal(t, "one", list[0].Server)
		require.Equal(t, api.HistoryRegistered, list[0].Kind)
	}
	own := history("consul")
	if len(own) > 0 { // it registered itself after the limits were set
		require.Empty(t, own[0].Client)
	}
}
