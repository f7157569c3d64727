package httpapi

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestKeys(t *testing.T) {
	d := open(t, Config{MaxValue: 16})
	pair := func(key, value string, flags, made, changed string) string {
		return `[{"LockIndex":0,"Key":"` + key + `","Flags":` + flags + `,"Value":` + value + `,"CreateIndex":` + made + `,"ModifyIndex":` + changed + `}]`
	}
	d.rows(t, []row{
		{"GET", "/v1/kv/", "", 400, "Missing key name"},
		{"PUT", "/v1/kv/", "v", 400, "Missing key name"},
		{"DELETE", "/v1/kv/", "", 400, "Missing key name"},
		{"GET", "/v1/kv/a", "", 404, ""},
		{"GET", "/v1/kv/a?raw", "", 404, ""},
		{"GET", "/v1/kv/?recurse", "", 404, ""},
		{"GET", "/v1/kv/?keys", "", 200, "[]"},
		{"GET", "/v1/kv/a?keys", "", 404, ""},

		{"PUT", "/v1/kv/a/b?flags=18446744073709551615", "hello", 200, "true"},
		{"GET", "/v1/kv/a/b", "", 200, pair("a/b", `"aGVsbG8="`, "18446744073709551615", "1", "1")},
		{"GET", "/v1/kv/a/b?raw", "", 200, "hello"},
		{"GET", "/v1/kv/a/b?raw&recurse", "", 200, pair("a/b", `"aGVsbG8="`, "18446744073709551615", "1", "1")},
		{"GET", "/v1/kv/a/b?raw&recurse&keys", "", 200, `["a/b"]`},
		{"PUT", "/v1/kv/a%20%2F%C3%A9", "", 200, "true"},
		{"GET", "/v1/kv/a%20/é", "", 200, pair("a /é", "null", "0", "2", "2")},
		{"PUT", "/v1/kv/a/c/d", "x", 200, "true"},
		{"GET", "/v1/kv/a?keys", "", 200, `["a /é","a/b","a/c/d"]`},
		{"GET", "/v1/kv/a/?keys&separator=/", "", 200, `["a/b","a/c/"]`},
		{"GET", "/v1/kv/a/?keys&seperator=/", "", 200, `["a/b","a/c/"]`},

		{"PUT", "/v1/kv/a/b?cas=0", "v", 200, "false"},
		{"PUT", "/v1/kv/a/b?cas=1", "v", 200, "true"},
		{"PUT", "/v1/kv/new?cas=1", "v", 200, "false"},
		{"PUT", "/v1/kv/new?cas=0", "v", 200, "true"},
		{"PUT", "/v1/kv/a/b?cas=x", "v", 500, "Invalid cas parameter…"},
		{"PUT", "/v1/kv/a/b?cas", "v", 500, "Invalid cas parameter…"},
		{"PUT", "/v1/kv/a/b?flags=-1", "v", 500, "Invalid flags parameter…"},
		{"PUT", "/v1/kv/a/b?flags=18446744073709551616", "v", 500, "Invalid flags parameter…"},
		{"PUT", "/v1/kv/a/b?cas=1&acquire=s", "v", 400, "Conflicting flags: cas and acquire"},
		{"PUT", "/v1/kv/a/b?cas=1&release=s", "v", 400, "Conflicting flags: cas and release"},
		{"PUT", "/v1/kv/a/b?acquire=s&release=s", "v", 400, "Conflicting flags: acquire and release"},
		{"PUT", "/v1/kv/a/b?acquire=s", "v", 500, `…invalid session "s"`},
		{"PUT", "/v1/kv/a/b?acquire=", "v", 500, "…missing session"},
		{"PUT", "/v1/kv/a/b?release=s", "v", 200, "false"},
		{"PUT", "/v1/kv/a/b?release=", "v", 500, "…missing session"},
		{"PUT", "/v1/kv/a/b", "0123456789abcdefg", 413, "Value exceeds 16 byte limit…"},
		{"PUT", "/v1/kv/a/b", "0123456789abcdef", 200, "true"},

		{"DELETE", "/v1/kv/a/b?recurse&cas=1", "", 400, "Conflicting flags: cas and recurse"},
		{"DELETE", "/v1/kv/a/b?cas=x", "", 500, "Invalid cas parameter…"},
		{"DELETE", "/v1/kv/a/b?cas=0", "", 200, "false"},
		{"DELETE", "/v1/kv/none?cas=7", "", 200, "true"},
		{"DELETE", "/v1/kv/none", "", 200, "true"},
		{"DELETE", "/v1/kv/a/b", "", 200, "true"},
		{"DELETE", "/v1/kv/?recurse", "", 200, "true"},
		{"GET", "/v1/kv/?keys", "", 200, "[]"},

		{"GET", "/v1/kv/a?dc=mars", "", 500, "No path to datacenter"},
		{"PUT", "/v1/kv/a?dc=mars", "v", 500, "No path to datacenter"},
		{"DELETE", "/v1/kv/a?dc=mars", "", 500, "No path to datacenter"},
		{"PUT", "/v1/kv/a?ns=team", "v", 400, "Invalid query parameter…"},
		{"PUT", "/v1/kv/a?partition=p", "v", 400, "Invalid query parameter…"},
		{"PUT", "/v1/kv/" + strings.Repeat("k", 32001), "v", 413, "…a key may have at most 32000 bytes"},
		{"GET", "/v1/kv/a?index=x", "", 400, "Invalid index"},
		{"GET", "/v1/kv/a?wait=x", "", 400, "Invalid wait time"},
		{"GET", "/v1/kv/a?stale&consistent", "", 400, "…conflicting semantics."},
		{"POST", "/v1/kv/a", "v", 405, "method POST not allowed"},
	})
}

// A value whose length is not said beforehand is bounded as well.
func TestChunkedValueIsBounded(t *testing.T) {
	d := open(t, Config{MaxValue: 16})
	for size, status := range map[int]int{16: 200, 17: 413} {
		r := httptest.NewRequest("PUT", "/v1/kv/k", strings.NewReader(strings.Repeat("v", size)))
		r.ContentLength = -1
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		require.Equal(t, status, w.Code, "%d: %s", size, w.Body)
	}
}

func TestRawValueIsNoPage(t *testing.T) {
	d := open(t, Config{})
	require.Equal(t, "true", d.do("PUT", "/v1/kv/page", "<html>").Body.String())
	h := d.do("GET", "/v1/kv/page?raw", "").Header()
	require.Equal(t, "text/plain", h.Get("Content-Type"))
	require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"))
	require.Equal(t, "sandbox", h.Get("Content-Security-Policy"))
}

// The index of an answer is that of the key or prefix, on 404 too, and never
// runs backwards when something is deleted.
func TestIndexesOfKeys(t *testing.T) {
	d := open(t, Config{})
	index := func(target string) string { return d.do("GET", target, "").Header().Get("X-Consul-Index") }
	require.Equal(t, "1", index("/v1/kv/none"), "never 0")
	for _, key := range []string{"a/1", "a/2", "b/1"} {
		require.Equal(t, 200, d.do("PUT", "/v1/kv/"+key, "v").Code)
	}
	for _, c := range []struct{ target, index string }{
		{"/v1/kv/a/1", "1"}, {"/v1/kv/a/2", "2"}, {"/v1/kv/a/?recurse", "2"}, {"/v1/kv/a/?keys", "2"}, {"/v1/kv/?recurse", "3"},
	} {
		require.Equal(t, c.index, index(c.target), c.target)
	}
	require.Equal(t, 200, d.do("DELETE", "/v1/kv/a/1", "").Code)
	require.Equal(t, 200, d.do("PUT", "/v1/kv/b/1", "w").Code)
	for _, c := range []struct{ target, index string }{
		{"/v1/kv/a/1", "4"}, {"/v1/kv/a/2", "2"}, {"/v1/kv/a/?recurse", "4"}, {"/v1/kv/?keys", "5"},
	} {
		require.Equal(t, c.index, index(c.target), c.target)
	}
	require.Equal(t, 200, d.do("DELETE", "/v1/kv/a/?recurse", "").Code)
	require.Equal(t, "6", index("/v1/kv/a/?recurse"))
	require.Equal(t, "6", index("/v1/kv/a/2"))
}

// What tells holders of a lock apart is in every answer that shows it.
func TestLockAnswersCarryTheFencingToken(t *testing.T) {
	d := open(t, Config{})
	d.home()
	var held []*api.KVPair
	for range 2 {
		s := d.create("PUT", "/v1/session/create", `{"LockDelay":"0s"}`)
		require.Equal(t, "true", d.do("PUT", "/v1/kv/l?acquire="+s, "me").Body.String())
		require.Equal(t, "false", d.do("PUT", "/v1/kv/l?acquire="+d.create("PUT", "/v1/session/create", ""), "other").Body.String())
		require.Equal(t, "true", d.do("PUT", "/v1/kv/l?acquire="+s, "me").Body.String(), "again, by its holder")
		var pairs []*api.KVPair
		d.get("/v1/kv/l", &pairs)
		require.Equal(t, s, pairs[0].Session)
		held = append(held, pairs[0])
		require.Equal(t, "true", d.do("PUT", "/v1/session/destroy/"+s, "").Body.String())
	}
	s := d.create("PUT", "/v1/session/create", "")
	var res struct{ Results []struct{ KV *api.KVPair } }
	w := d.do("PUT", "/v1/txn", `[{"KV":{"Verb":"lock","Key":"l","Session":"`+s+`"}}]`)
	require.Equal(t, 200, w.Code, w.Body)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &res))
	held = append(held, res.Results[0].KV)
	for i, p := range held {
		require.EqualValues(t, i+1, p.LockIndex)
		if i > 0 {
			require.Greater(t, p.ModifyIndex, held[i-1].ModifyIndex)
		}
	}
	// A plain write keeps the holder and sets its count back.
	require.Equal(t, "true", d.do("PUT", "/v1/kv/l", "plain").Body.String())
	var pairs []*api.KVPair
	d.get("/v1/kv/l", &pairs)
	require.Equal(t, s, pairs[0].Session)
	require.Zero(t, pairs[0].LockIndex)
}
