package httpapi

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestQueries(t *testing.T) {
	d := open(t, Config{})
	d.home()
	d.register("n2", nil, &api.Service{ID: "web-2", Service: "web"})
	const someID = "6b1f6b2a-9d0e-4b7e-8f3a-1c2d3e4f5a6b"
	id := d.create("POST", "/v1/query", `{"Name":"web","Service":{"Service":"web"},"DNS":{"TTL":"10s"}}`)
	d.rows(t, []row{
		{"POST", "/v1/query", "", 400, "…"},
		{"POST", "/v1/query", "{", 400, "…"},
		{"POST", "/v1/query", `{"Colour":"red","Service":{"Service":"x"}}`, 400, "…"},
		{"POST", "/v1/query", `{"Service":{"Service":"x"}}`, 500, "Must be bound to a session"},
		{"POST", "/v1/query", `{"Name":"a","Service":{}}`, 500, "Must provide a Service name to query"},
		{"POST", "/v1/query", `{"ID":"` + someID + `","Name":"a","Service":{"Service":"x"}}`, 500, "ID must be empty when creating a new prepared query"},
		{"POST", "/v1/query", `{"Name":"a","Service":{"Service":"x","Failover":{"NearestN":-1}}}`, 500, "Bad NearestN, must be >= 0"},
		{"POST", "/v1/query", `{"Name":"a","Service":{"Service":"x"},"DNS":{"TTL":"soon"}}`, 500, "Bad DNS TTL 'soon'…"},
		{"POST", "/v1/query", `{"Name":"a","Service":{"Service":"x"},"DNS":{"TTL":"-1s"}}`, 500, "DNS TTL '-1s', must be >=0"},
		{"POST", "/v1/query", `{"Name":"a","Service":{"Service":"x","NodeMeta":{"":"v"}}}`, 500, "…Key cannot be blank"},
		{"POST", "/v1/query", `{"Name":"a","Service":{"Service":"x"},"Template":{"Type":"guess"}}`, 500, "…"},
		{"POST", "/v1/query", `{"Name":"a","Service":{"Service":"x"},"Template":{"Type":"name_prefix_match","Regexp":"("}}`, 500, "…"},
		{"POST", "/v1/query", `{"Name":"WEB","Service":{"Service":"x"}}`, 500, "…"}, // the name is taken
		{"POST", "/v1/query", `{"Name":"a","Session":"` + someID + `","Service":{"Service":"x"}}`, 500, "…"},
		{"POST", "/v1/query?dc=mars", `{"Name":"a","Service":{"Service":"x"}}`, 500, "No path to datacenter"},
		{"PUT", "/v1/query", "{}", 405, "method PUT not allowed"},

		{"GET", "/v1/query/" + id, "", 200, `[{"ID":"` + id + `",…"DNS":{"TTL":"10s"}…`},
		{"GET", "/v1/query/web", "", 500, "…'web' is not a UUID"},
		{"GET", "/v1/query/", "", 500, "…'' is not a UUID"},
		{"GET", "/v1/query/" + someID, "", 404, "Query not found"},
		{"PUT", "/v1/query/" + someID, `{"Name":"b","Service":{"Service":"x"}}`, 500, "…"},
		{"DELETE", "/v1/query/" + someID, "", 500, "…"},

		{"GET", "/v1/query/none/execute", "", 404, "Query not found"},
		{"GET", "/v1/query/none/explain", "", 404, "Query not found"},
		{"GET", "/v1/query/web/execute?limit=few", "", 500, "Bad limit…"},
		{"GET", "/v1/query/web/execute", "", 200, `{"Service":"web","Nodes":[{…`},
		{"GET", "/v1/query/Web/execute?near=nobody&limit=1", "", 200, `{"Service":"web","Nodes":[{…`},
		{"GET", "/v1/query/web/execute?connect", "", 200, `{"Service":"web","Nodes":[],…`},
		{"GET", "/v1/query/" + id + "/explain", "", 200, `{"Query":{…`},
		{"PUT", "/v1/query/" + id, `{"Name":"web2","Service":{"Service":"web"}}`, 200, ""},
		{"GET", "/v1/query/web/execute", "", 404, "Query not found"},
		{"DELETE", "/v1/query/" + id, "", 200, ""},
		{"GET", "/v1/query", "", 200, "[]"},
	})
}

// Paths of one query leave OPTIONS out of Allow when they refuse a method.
func TestMethodsOfQueries(t *testing.T) {
	d := open(t, Config{})
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"POST", "/v1/query/x", 405, "GET,PUT,DELETE"},
		{"OPTIONS", "/v1/query/x", 200, "OPTIONS,GET,PUT,DELETE"},
		{"PUT", "/v1/query/x/execute", 405, "GET"},
		{"OPTIONS", "/v1/query/x/explain", 200, "OPTIONS,GET"},
		{"DELETE", "/v1/query", 405, "OPTIONS,GET,POST"},
	} {
		w := d.do(c.method, c.path, "")
		require.Equal(t, c.status, w.Code, c.path)
		require.Equal(t, c.allow, w.Header().Get("Allow"), "%s %s", c.method, c.path)
	}
}

// A query that is tied to a session goes with it.
func TestQueryGoesWithItsSession(t *testing.T) {
	d := open(t, Config{})
	d.home()
	s := d.create("PUT", "/v1/session/create", "")
	id := d.create("POST", "/v1/query", `{"Session":"`+s+`","Service":{"Service":"web"}}`)
	var l []api.PreparedQuery
	d.get("/v1/query/"+id, &l)
	require.Equal(t, s, l[0].Session)
	require.Equal(t, "true", d.do("PUT", "/v1/session/destroy/"+s, "").Body.String())
	require.Equal(t, http.StatusNotFound, d.do("GET", "/v1/query/"+id, "").Code)
}
