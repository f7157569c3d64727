package httpapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestSessions(t *testing.T) {
	d := open(t, Config{})
	d.home()
	d.rows(t, []row{
		{"PUT", "/v1/session/create", "", 200, `{"ID":"…"}`},
		{"PUT", "/v1/session/create", `{"Colour":"red","Name":"n"}`, 200, `{"ID":"…"}`},
		{"PUT", "/v1/session/create", `{`, 400, "Request decode failed…"},
		{"PUT", "/v1/session/create", `[]`, 400, "Request decode failed…"},
		{"PUT", "/v1/session/create", `{"TTL":30}`, 400, "Request decode failed…"},
		{"PUT", "/v1/session/create", `{"LockDelay":"a while"}`, 400, "Request decode failed…"},
		{"PUT", "/v1/session/create", `{"Namespace":"team"}`, 400, "…"},
		{"PUT", "/v1/session/create", `{"TTL":"1s"}`, 500, "Invalid Session TTL '1000000000', must be between [10s=24h0m0s]"},
		{"PUT", "/v1/session/create", `{"TTL":"86401s"}`, 500, "Invalid Session TTL '86401000000000', must be between [10s=24h0m0s]"},
		{"PUT", "/v1/session/create", `{"TTL":"-20s"}`, 500, "Invalid Session TTL '-20000000000', must be between [10s=24h0m0s]"},
		{"PUT", "/v1/session/create", `{"TTL":"soon"}`, 500, "Session TTL 'soon' invalid…"},
		{"PUT", "/v1/session/create", `{"TTL":"0s"}`, 200, `{"ID":"…"}`},
		{"PUT", "/v1/session/create", `{"TTL":"24h"}`, 200, `{"ID":"…"}`},
		{"PUT", "/v1/session/create", `{"Behavior":"explode"}`, 500, "Invalid Behavior setting 'explode'"},
		{"PUT", "/v1/session/create", `{"Node":"nobody"}`, 500, "Missing node registration"},
		{"PUT", "/v1/session/create", `{"NodeChecks":["none"]}`, 500, "Missing check 'none' registration"},
		{"PUT", "/v1/session/create", `{"Checks":["bad"]}`, 500, "Check 'bad' is in critical state"},
		{"PUT", "/v1/session/create", `{"ServiceChecks":[{"ID":"none"}]}`, 500, "Missing check 'none' registration"},
		{"PUT", "/v1/session/create", `{"ServiceChecks":[{"ID":"web-ok"}]}`, 200, `{"ID":"…"}`},
		{"PUT", "/v1/session/create?dc=mars", "", 500, "No path to datacenter"},

		{"PUT", "/v1/session/destroy/", "", 400, "Missing session"},
		{"PUT", "/v1/session/destroy/none", "", 200, "true"},
		{"PUT", "/v1/session/renew/", "", 400, "Missing session"},
		{"PUT", "/v1/session/renew/none", "", 404, "Session id 'none' not found"},
		{"GET", "/v1/session/info/", "", 400, "Missing session"},
		{"GET", "/v1/session/info/none", "", 200, "[]"},
		{"GET", "/v1/session/node/", "", 400, "Missing node name"},
		{"GET", "/v1/session/node/nobody", "", 200, "[]"},
		{"GET", "/v1/session/node/S1", "", 200, `[{…}]`},
		{"GET", "/v1/session/create", "", 405, "method GET not allowed"},
		{"PUT", "/v1/session/list", "", 405, "method PUT not allowed"},
	})
}

func TestSessionDefaults(t *testing.T) {
	d := open(t, Config{})
	d.home()
	for body, want := range map[string]api.Session{
		"":                        {Behavior: "release", LockDelay: int64(15 * time.Second), NodeChecks: []string{"serfHealth"}},
		`{"LockDelay":0}`:         {Behavior: "release", NodeChecks: []string{"serfHealth"}},
		`{"LockDelay":"61s"}`:     {Behavior: "release", LockDelay: int64(61 * time.Second), NodeChecks: []string{"serfHealth"}},
		`{"Checks":[]}`:           {Behavior: "release", LockDelay: int64(15 * time.Second), NodeChecks: []string{}},
		`{"Behavior":"delete"}`:   {Behavior: "delete", LockDelay: int64(15 * time.Second), NodeChecks: []string{"serfHealth"}},
		`{"name":"n","TTL":"1m"}`: {Name: "n", TTL: "1m", Behavior: "release", LockDelay: int64(15 * time.Second), NodeChecks: []string{"serfHealth"}},
	} {
		var have []api.Session
		d.get("/v1/session/info/"+d.create("PUT", "/v1/session/create", body), &have)
		want.ID, want.Node, want.CreateIndex, want.ModifyIndex = have[0].ID, "s1", have[0].CreateIndex, have[0].ModifyIndex
		require.Equal(t, want, have[0], body)
	}
}

// How soon a lock can be had whose holder's session has ended.
func TestLockDelayIsHonoured(t *testing.T) {
	for body, next := range map[string]string{`{"LockDelay":"0s"}`: "true", `{"LockDelay":0}`: "true", "": "false", `{"LockDelay":"1s"}`: "false"} {
		d := open(t, Config{})
		d.home()
		first, second := d.create("PUT", "/v1/session/create", body), d.create("PUT", "/v1/session/create", "")
		d.rows(t, []row{
			{"PUT", "/v1/kv/l?acquire=" + first, "", 200, "true"},
			{"PUT", "/v1/session/destroy/" + first, "", 200, "true"},
			{"PUT", "/v1/kv/l?acquire=" + first, "", 500, "…invalid session " + `"` + first + `"`},
			{"PUT", "/v1/kv/l?acquire=" + second, "", 200, next},
			{"PUT", "/v1/kv/other?acquire=" + second, "", 200, "true"},
		})
	}
}

// A session ends the moment that one of its checks turns critical.
func TestSessionEndsWithItsCheck(t *testing.T) {
	d := open(t, Config{})
	d.home()
	for _, c := range []struct{ body, check, service string }{
		{`{"LockDelay":0,"NodeChecks":["serfHealth"]}`, "serfHealth", ""},
		{`{"LockDelay":0,"NodeChecks":[],"ServiceChecks":[{"ID":"web-ok"}]}`, "web-ok", "web-1"},
	} {
		id := d.create("PUT", "/v1/session/create", c.body)
		require.Equal(t, "true", d.do("PUT", "/v1/kv/l?acquire="+id, "").Body.String())
		set := func(status string) {
			reg := &api.CatalogRegistration{Node: "s1", Address: "10.0.0.1", Check: &api.Check{Node: "s1", CheckID: c.check, Name: c.check, Status: status, ServiceID: c.service}}
			require.NoError(t, d.reg.RegisterCatalog(t.Context(), reg))
		}
		set(api.Warning)
		require.Contains(t, d.do("GET", "/v1/session/info/"+id, "").Body.String(), id)
		set(api.Critical)
		require.Equal(t, "[]", d.do("GET", "/v1/session/info/"+id, "").Body.String())
		require.NotContains(t, d.do("GET", "/v1/kv/l", "").Body.String(), "Session")
		require.Equal(t, http.StatusOK, d.do("DELETE", "/v1/kv/l", "").Code)
		set(api.Passing)
	}
}
