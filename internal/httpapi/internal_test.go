package httpapi

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func TestInternalChecks(t *testing.T) {
	d := open(t, Config{})
	probe := &api.CheckDefinition{TCP: "10.0.0.1:80", Interval: api.Duration(1e9)}
	d.register("n1", nil, &api.Service{ID: "web-1", Service: "web"},
		&api.Check{CheckID: "tcp", Name: "tcp", ServiceID: "web-1", Status: api.Passing, Definition: probe},
		&api.Check{CheckID: "told", Name: "told", Status: api.Critical})
	d.register("n2", nil, nil, &api.Check{CheckID: "tcp", Name: "tcp", Status: api.Critical, Output: "no", Definition: probe})
	w := d.do("GET", "/v1/internal/checks?node=n1", "")
	require.Equal(t, `[{"Node":"n1","CheckID":"tcp","Name":"tcp","ServiceID":"web-1","ServiceName":"web","Type":"tcp","Target":"10.0.0.1:80","Interval":"1s",`+
		`"Status":"passing","Output":"","Owner":"","Answered":false}]`, w.Body.String(), "no server lives that could run it")
	require.Empty(t, w.Header().Get(api.SilentHeader))
	for target, want := range map[string][]string{
		"/v1/internal/checks":                                          {"n1", "n2"},
		"/v1/internal/checks?scope=cluster&stale":                      {"n1", "n2"},
		"/v1/internal/checks?scope=server":                             nil,
		"/v1/internal/checks?service=web":                              {"n1"},
		"/v1/internal/checks?filter=Status+==+critical":                {"n2"},
		"/v1/internal/checks?filter=Type+==+tcp+and+Answered+==+false": {"n1", "n2"},
	} {
		var list []*api.CheckRun
		d.get(target, &list)
		var nodes []string
		for _, c := range list {
			nodes = append(nodes, c.Node)
		}
		require.Equal(t, want, nodes, target)
	}
	require.Equal(t, "[]", d.do("GET", "/v1/internal/checks?node=n3", "").Body.String())
	for target, status := range map[string]int{
		"/v1/internal/checks?scope=world":      http.StatusBadRequest,
		"/v1/internal/servers?scope=world":     http.StatusBadRequest,
		"/v1/agent/services?scope=world":       http.StatusBadRequest,
		"/v1/agent/checks?scope=world":         http.StatusBadRequest,
		"/v1/internal/checks?filter=Nope+==+1": http.StatusInternalServerError,
		"/v1/internal/checks?dc=mars":          http.StatusInternalServerError,
	} {
		require.Equal(t, status, d.do("GET", target, "").Code, target)
	}
}

// TestClusterScope lists what was registered through any server.
func TestClusterScope(t *testing.T) {
	d := open(t, Config{})
	for _, node := range []string{"s1", "s2", "s3"} {
		d.register(node, nil, &api.Service{ID: store.ServerService, Service: store.ServerService},
			&api.Check{CheckID: api.SerfHealth, Name: "Serf Health Status", Status: api.Passing})
	}
	for node, ids := range map[string][]string{"s1": {"b"}, "s2": {"a", "b"}, "s3": {"b", "c"}, "other": {"d"}} {
		for _, id := range ids {
			d.register(node, nil, &api.Service{ID: id, Service: "web"}, &api.Check{CheckID: id, Name: id, ServiceID: id, Status: api.Passing})
		}
	}
	all := []string{"a", "b", "c", "s2/b", "s3/b"}
	services, checks := map[string]*api.AgentService{}, map[string]*api.Check{}
	d.get("/v1/agent/services?scope=cluster", &services)
	d.get("/v1/agent/checks?scope=cluster", &checks)
	require.Equal(t, all, slices.Sorted(maps.Keys(services)))
	require.Equal(t, all, slices.Sorted(maps.Keys(checks)))
	require.Equal(t, "s1 s3", services["b"].Node+" "+checks["s3/b"].Node, "this server's own has the plain key, as it does for writes")

	for _, scope := range []string{"", "?scope=server"} {
		require.Equal(t, d.do("GET", "/v1/agent/services", "").Body.String(), d.do("GET", "/v1/agent/services"+scope, "").Body.String())
		clear(services)
		clear(checks)
		d.get("/v1/agent/services"+scope, &services)
		d.get("/v1/agent/checks"+scope, &checks)
		require.Equal(t, []string{"b"}, slices.Sorted(maps.Keys(services)))
		require.Equal(t, []string{"b"}, slices.Sorted(maps.Keys(checks)))
		require.Empty(t, services["b"].Node)
	}
	clear(services)
	d.get("/v1/agent/services?scope=cluster&filter=ID+==+c", &services)
	require.Len(t, services, 1)
}
