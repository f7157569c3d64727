package httpapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestMethods(t *testing.T) {
	d := open(t, Config{})
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/v1/catalog/nodes", 200, ""},
		{"OPTIONS", "/v1/catalog/nodes", 200, "OPTIONS,GET"},
		{"PUT", "/v1/catalog/nodes", 405, "OPTIONS,GET"},
		{"DELETE", "/v1/catalog/register", 405, "OPTIONS,PUT"},
		{"HEAD", "/v1/catalog/services", 405, "OPTIONS,GET"},
		{"GET", "/v1/agent/check/pass/x", 405, "OPTIONS,PUT"},
	} {
		w := d.do(c.method, c.path, "")
		require.Equal(t, c.status, w.Code, "%s %s", c.method, c.path)
		require.Equal(t, c.allow, w.Header().Get("Allow"), "%s %s", c.method, c.path)
		require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
		require.Equal(t, "allow", w.Header().Get("X-Consul-Default-ACL-Policy"))
	}
}

func TestPaths(t *testing.T) {
	d := open(t, Config{BlockEndpoints: []string{"/v1/agent/"}})
	for _, c := range []struct {
		path   string
		status int
		to     string // where a redirect leads
	}{
		{"/", 200, ""},
		{"/v1/health/service/", 400, ""},
		{"/v1/health/service", 307, "/v1/health/service/"},
		{"/v1/health/service?passing", 307, "/v1/health/service/?passing"},
		{"/v1//catalog/nodes?stale", 307, "/v1/catalog/nodes?stale"},
		{"/v1/./catalog/nodes", 307, "/v1/catalog/nodes"},
		{"/v1/x/../catalog/nodes/", 307, "/v1/catalog/nodes/"},
		{"/v1/health/service/%07", 400, ""},
		{"/v1/health/service/a%7f", 400, ""},
		{"/v1/health/service/a%2Fb", 200, ""},
		{"/v1/agent/self", 403, ""},
		{"/v1/agentx", 404, ""}, // not below what is blocked
	} {
		w := d.do("GET", c.path, "")
		require.Equal(t, c.status, w.Code, c.path)
		require.Equal(t, c.to, w.Header().Get("Location"), c.path)
	}
}

func TestConfiguredHeaders(t *testing.T) {
	d := open(t, Config{ResponseHeaders: map[string]string{"Access-Control-Allow-Origin": "*", "Vary": "Origin"}})
	w := d.do("GET", "/v1/catalog/nodes", "")
	require.Equal(t, "*", w.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "Origin", w.Header().Get("Vary"))
	require.Equal(t, []string{"Accept-Encoding"}, vary, "what all answers share is not theirs to change")
}

func TestPanicIsAnAnswer(t *testing.T) {
	d := open(t, Config{})
	d.handle("/v1/boom", get(func(*request) (reply, error) { panic("boom") }))
	d.handle("/v1/gone", get(func(*request) (reply, error) { panic(http.ErrAbortHandler) }))
	w := d.do("GET", "/v1/boom", "")
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.NotContains(t, w.Body.String(), "boom")
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { d.do("GET", "/v1/gone", "") })
	require.Equal(t, http.StatusOK, d.do("GET", "/v1/catalog/nodes", "").Code)
}

// TestCachedReads looks at the headers of ?cached: the second request of a kind
// is told that it hit.
func TestCachedReads(t *testing.T) {
	d := open(t, Config{})
	for _, c := range []struct {
		target, control string
		status          int
		cache, age      string
	}{
		{"/v1/health/service/web", "", 200, "", ""},
		{"/v1/health/service/web?cached", "", 200, "MISS", ""},
		{"/v1/health/service/web?cached", "max-age=1", 200, "HIT", "0"},
		{"/v1/health/service/web?cached&stale", "", 200, "MISS", ""},
		{"/v1/catalog/datacenters?cached", "", 200, "MISS", ""},
		{"/v1/catalog/datacenters?cached", "max-age=x", 400, "", ""},
		{"/v1/health/service/web?cached", "max-age=x", 400, "", ""},
		{"/v1/catalog/nodes?cached", "max-age=x", 200, "", ""}, // has no cached form
	} {
		w := d.do("GET", c.target, "", "Cache-Control", c.control)
		require.Equal(t, c.status, w.Code, c.target)
		require.Equal(t, c.cache, w.Header().Get("X-Cache"), c.target)
		require.Equal(t, c.age, w.Header().Get("Age"), c.target)
	}
}

func TestSeenQueriesAreBounded(t *testing.T) {
	var s seenQueries
	for i := range 3 * seenLimit {
		require.False(t, s.note(string(rune(i))))
		require.LessOrEqual(t, len(s.seen), seenLimit)
	}
	require.True(t, s.note(string(rune(3*seenLimit-1))))
}

func TestClientThatWentAwayGetsNoAnswer(t *testing.T) {
	d := open(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest("GET", "/v1/health/service/web?index=1", nil).WithContext(ctx)
	require.PanicsWithValue(t, http.ErrAbortHandler, func() { d.ServeHTTP(httptest.NewRecorder(), r) })
}

func TestShutDownAnswersLongPolls(t *testing.T) {
	d := open(t, Config{})
	d.Close()
	w := d.do("GET", "/v1/health/service/web?index=1", "")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, api.Unavailable.String(), w.Header().Get("X-Registryd-Error"))
	require.Equal(t, http.StatusOK, d.do("GET", "/v1/health/service/web", "").Code)
}
