package httpapi

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// fuzzDoor opens a door and returns what begins a round there: it leaves a few
// keys to run into, and a session whose ID it returns.
func fuzzDoor(f *testing.F) func(t *testing.T) (d *testDoor, session string) {
	shared := open(f, Config{MaxValue: 64, MaxTxn: 4096})
	return func(t *testing.T) (*testDoor, string) {
		d := &testDoor{Handler: shared.Handler, t: t, cons: shared.cons}
		d.home()
		require.Equal(t, "true", d.do("DELETE", "/v1/kv/?recurse", "").Body.String())
		session := d.create("PUT", "/v1/session/create", `{"LockDelay":"0s"}`)
		t.Cleanup(func() { d.do("PUT", "/v1/session/destroy/"+session, "") })
		for _, target := range []string{"/v1/kv/a/locked?acquire=" + session, "/v1/kv/a/plain", "/v1/kv/b"} {
			require.Equal(t, "true", d.do("PUT", target, "v").Body.String())
		}
		return d, session
	}
}

// statuses are what requests about keys may answer.
var statuses = map[int]bool{200: true, 400: true, 404: true, 405: true, 409: true, 413: true, 500: true}

// asked sends any method, path and query, as far as they are a request at all.
// S in the query stands for the session. It requires an answer that is no
// panic, and that nothing changed unless the request was granted.
func (d *testDoor) asked(t *testing.T, method, path, query, body, session string) *httptest.ResponseRecorder {
	before := d.reg.State()
	r := httptest.NewRequest("GET", "/", strings.NewReader(body))
	r.Method = method
	r.URL = &url.URL{Path: path, RawQuery: strings.ReplaceAll(query, "S", session)}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	if w.Code == 307 {
		return w // an unclean path
	}
	require.True(t, statuses[w.Code], "status %d", w.Code)
	require.NotContains(t, w.Body.String(), "internal error")
	if w.Code != 200 || method == "GET" {
		require.Equal(t, before.Table(store.TableKV).Index, d.reg.State().Table(store.TableKV).Index, "%d and yet a change", w.Code)
	}
	return w
}

// FuzzKeys asks anything about keys.
func FuzzKeys(f *testing.F) {
	f.Add("PUT", "a/plain", "cas=1&flags=2", "v")
	f.Add("PUT", "a/locked", "acquire=S", "me")
	f.Add("PUT", "a/locked", "release=S&flags=7", "")
	f.Add("PUT", "new", "", "value")
	f.Add("GET", "a/", "keys&separator=/", "")
	f.Add("GET", "", "recurse&stale", "")
	f.Add("GET", "a/plain", "raw&pretty", "")
	f.Add("DELETE", "a/plain", "cas=4", "")
	f.Add("DELETE", "a", "recurse", "")
	door := fuzzDoor(f)
	f.Fuzz(func(t *testing.T, method, key, query, body string) {
		if v, err := url.ParseQuery(query); err != nil || v.Has("index") {
			return // would wait
		}
		d, session := door(t)
		w := d.asked(t, method, "/v1/kv/"+key, query, body, session)
		if w.Code != 200 {
			return
		}
		switch v, _ := url.ParseQuery(query); {
		case method == "PUT" && w.Body.String() == "true" && !v.Has("dc") && !v.Has("datacenter"):
			p, _, _ := d.reg.State().Key(key)
			require.NotNil(t, p)
			require.Equal(t, body, string(p.Value), "what was acknowledged is there")
			if v.Has("acquire") {
				require.Equal(t, session, p.Session)
			}
		case method == "DELETE" && w.Body.String() == "true":
			p, _, _ := d.reg.State().Key(key)
			require.Nil(t, p)
		case method == "GET" && !v.Has("raw"):
			require.True(t, json.Valid(w.Body.Bytes()), w.Body)
		}
	})
}

// FuzzTxns asks for any transactions on keys.
func FuzzTxns(f *testing.F) {
	f.Add(`[{"KV":{"Verb":"set","Key":"a/plain","Value":"eA=="}},{"KV":{"Verb":"check-session","Key":"a/locked","Session":"S"}}]`)
	f.Add(`[{"KV":{"Verb":"delete-tree","Key":"a"}},{"KV":{"Verb":"cas","Key":"b","Index":5,"Value":"eA=="}},{"KV":{"Verb":"get-tree","Key":""}}]`)
	f.Add(`[{"KV":{"Verb":"lock","Key":"b","Session":"S"}},{"KV":{"Verb":"unlock","Key":"a/locked","Session":"S"}},{"Session":{"Verb":"delete","Session":{"ID":"S"}}}]`)
	f.Add(`[{"Node":{"Verb":"delete","Node":{"Node":"s1"}}},{"KV":{"Verb":"check-not-exists","Key":"c"}}]`)
	door := fuzzDoor(f)
	f.Fuzz(func(t *testing.T, body string) {
		d, session := door(t)
		w := d.asked(t, "PUT", "/v1/txn", "", strings.ReplaceAll(body, `"S"`, `"`+session+`"`), session)
		if w.Code != 200 && w.Code != 409 {
			return
		}
		var res struct {
			Results []struct{ KV *api.KVPair }
			Errors  []store.TxnFault
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &res), w.Body)
		require.Equal(t, w.Code == 409, len(res.Errors) > 0)
		if w.Code == 409 {
			require.Nil(t, res.Results)
		}
		for _, r := range res.Results {
			if r.KV != nil {
				require.LessOrEqual(t, r.KV.ModifyIndex, d.reg.State().Index())
			}
		}
	})
}
