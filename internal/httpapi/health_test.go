package httpapi

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// shop is a door over a small catalog: three instances of web and one of db.
func shop(t *testing.T) *testDoor {
	d := open(t, Config{})
	check := func(id, service, status string) *api.Check {
		return &api.Check{CheckID: id, Name: id, ServiceID: service, Status: status}
	}
	d.register("n1", map[string]string{"rack": "1", "zone": "a"}, &api.Service{ID: "w1", Service: "web", Tags: []string{"V1", "blue"}, Port: 80}, check("c1", "w1", api.Passing))
	d.register("n2", map[string]string{"rack": "2", "zone": "a"}, &api.Service{ID: "w2", Service: "web", Tags: []string{"v1"}, Port: 81}, check("c2", "w2", api.Warning), check("disk", "", api.Passing))
	d.register("n3", nil, &api.Service{ID: "w3", Service: "web", Port: 82}, check("c3", "w3", api.Critical))
	d.register("n1", map[string]string{"rack": "1", "zone": "a"}, &api.Service{ID: "d1", Service: "db", Port: 5432})
	return d
}

func TestSelections(t *testing.T) {
	d := shop(t)
	for _, c := range []struct {
		query string
		want  []string
	}{
		{"web", []string{"w1", "w2", "w3"}},
		{"WEB", []string{"w1", "w2", "w3"}},
		{"nobody", []string{}},
		{"web?passing", []string{"w1"}},
		{"web?passing=false", []string{"w1", "w2", "w3"}},
		{"web?tag=v1", []string{"w1", "w2"}},
		{"web?tag=V1&tag=blue", []string{"w1"}},
		{"web?tag=v2", []string{}},
		{"web?node-meta=zone:a", []string{"w1", "w2"}},
		{"web?node-meta=zone:a&node-meta=rack:2", []string{"w2"}},
		{"web?node-meta=zone:a&passing", []string{"w1"}},
		{"web?filter=Service.Port+>+1", nil}, // there is no such operator
		{"web?filter=Service.Port+!=+81", []string{"w1", "w3"}},
		{"web?filter=Node.Meta.rack+==+2&tag=v1", []string{"w2"}},
		{"web?near=n3", []string{"w1", "w2", "w3"}}, // no coordinates, no order
	} {
		w := d.do("GET", "/v1/health/service/"+c.query, "")
		if c.want == nil {
			require.Equal(t, http.StatusInternalServerError, w.Code, c.query)
			continue
		}
		var list []api.Entry
		d.get("/v1/health/service/"+c.query, &list)
		got := []string{}
		for _, e := range list {
			got = append(got, e.Service.ID)
		}
		require.Equal(t, c.want, got, c.query)
	}
}

func TestSelectedChecks(t *testing.T) {
	d := shop(t)
	for _, c := range []struct {
		path string
		want []string
	}{
		{"checks/web", []string{"c1", "c2", "c3"}},
		{"checks/web?node-meta=zone:a", []string{"c1", "c2"}},
		{"checks/web?filter=Status+==+critical", []string{"c3"}},
		{"checks/db", []string{}},
		{"checks/nobody", []string{}},
		{"node/n2", []string{"c2", "disk"}},
		{"node/nowhere", []string{}},
		{"state/any", []string{"c1", "c2", "disk", "c3"}},
		{"state/passing", []string{"c1", "disk"}},
		{"state/WARNING", []string{"c2"}},
		{"state/critical?node-meta=zone:a", []string{}},
		{"state/any?filter=ServiceName+==+web+and+Status+!=+passing", []string{"c2", "c3"}},
		{"state/unheard", []string{}},
	} {
		var list []api.Check
		d.get("/v1/health/"+c.path, &list)
		got := []string{}
		for _, k := range list {
			got = append(got, k.CheckID)
		}
		require.Equal(t, c.want, got, c.path)
	}
	for _, path := range []string{"service/", "checks/", "node/", "state/", "connect/"} {
		require.Equal(t, http.StatusBadRequest, d.do("GET", "/v1/health/"+path, "").Code, path)
	}
}

func TestCatalogSelections(t *testing.T) {
	d := shop(t)
	var nodes []api.Node
	d.get("/v1/catalog/nodes?node-meta=zone:a&filter=Meta.rack+==+2", &nodes)
	require.Len(t, nodes, 1)
	require.Equal(t, "n2", nodes[0].Node)

	var services map[string][]string
	d.get("/v1/catalog/services", &services)
	require.Equal(t, map[string][]string{"web": {"V1", "blue", "v1"}, "db": {}}, services)
	services = nil
	d.get("/v1/catalog/services?node-meta=rack:2", &services)
	require.Equal(t, map[string][]string{"web": {"v1"}}, services)
	services = nil
	d.get("/v1/catalog/services?filter=ServicePort+==+5432", &services)
	require.Equal(t, map[string][]string{"db": {}}, services)

	var list []api.CatalogService
	d.get("/v1/catalog/service/web?tag=blue&passing", &list)
	require.Len(t, list, 1)
	require.Equal(t, "w1", list[0].ServiceID)
	d.get("/v1/catalog/service/web?passing", &list)
	require.Len(t, list, 3, "the catalog does not look at health")

	var node struct{ Services map[string]api.Service }
	d.get("/v1/catalog/node/n1?filter=Port+==+80", &node)
	require.Len(t, node.Services, 1)
	require.Equal(t, "web", node.Services["w1"].Service)
	require.JSONEq(t, "null", d.do("GET", "/v1/catalog/node/nowhere", "").Body.String())
}

// TestKeptAnswersFollowTheCatalog asks before and after a change for what is
// kept encoded.
func TestKeptAnswersFollowTheCatalog(t *testing.T) {
	d := shop(t)
	paths := []string{"/v1/health/service/web", "/v1/health/service/web?passing", "/v1/catalog/service/web", "/v1/catalog/services", "/v1/catalog/node/n1", "/v1/catalog/node-services/n1"}
	before := map[string]string{}
	for _, p := range paths {
		before[p] = d.do("GET", p, "").Body.String()
		require.Equal(t, before[p], d.do("GET", p, "").Body.String(), p)
	}
	d.register("n1", nil, &api.Service{ID: "w1", Service: "web", Tags: []string{"new"}, Port: 8080})
	for _, p := range paths {
		require.NotEqual(t, before[p], d.do("GET", p, "").Body.String(), p)
	}
	require.Contains(t, d.do("GET", "/v1/health/service/web?passing", "").Body.String(), `"Port":8080`)
}
