package official

import (
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"
)

func testCatalog(t *testing.T, w world) {
	catalog := func() *api.Catalog { return w.client().Catalog() }
	reg := &api.CatalogRegistration{
		ID: "8b1c0f0c-3e55-4a39-9d0c-6d7c1f0e2b11", Node: "ext-1", Address: "192.0.2.10",
		TaggedAddresses: map[string]string{"wan": "198.51.100.10"}, NodeMeta: map[string]string{"external": "yes"},
		Service: &api.AgentService{ID: "mail-1", Service: "mail", Tags: []string{"smtp"}, Port: 25},
		Checks: api.HealthChecks{
			{Node: "ext-1", CheckID: "mail:port", Name: "port", Status: api.HealthPassing, ServiceID: "mail-1"},
			{Node: "ext-1", CheckID: "alive", Name: "alive", Status: api.HealthPassing},
		},
	}
	_, err := catalog().Register(reg, nil)
	require.NoError(t, err)

	dcs, err := catalog().Datacenters()
	require.NoError(t, err)
	require.Equal(t, []string{"dc1"}, dcs)

	nodes, meta, err := catalog().Nodes(&api.QueryOptions{NodeMeta: map[string]string{"external": "yes"}})
	require.NoError(t, err)
	require.NotZero(t, meta.LastIndex)
	require.Len(t, nodes, 1)
	require.Equal(t, reg.ID, nodes[0].ID)
	require.Equal(t, reg.Address, nodes[0].Address)
	require.Equal(t, reg.TaggedAddresses["wan"], nodes[0].TaggedAddresses["wan"])

	services, _, err := catalog().Services(nil)
	require.NoError(t, err)
	require.Contains(t, services, "consul")
	require.Equal(t, []string{"smtp"}, services["mail"])

	found, _, err := catalog().Service("mail", "smtp", nil)
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.Equal(t, "ext-1", found[0].Node)
	require.Equal(t, "mail-1", found[0].ServiceID)
	require.Equal(t, 25, found[0].ServicePort)
	require.Equal(t, api.Weights{Passing: 1, Warning: 1}, found[0].ServiceWeights)
	require.Equal(t, reg.NodeMeta, found[0].NodeMeta)
	found, _, err = catalog().ServiceMultipleTags("mail", []string{"smtp", "imap"}, nil)
	require.NoError(t, err)
	require.Empty(t, found)

	node, _, err := catalog().Node("ext-1", nil)
	require.NoError(t, err)
	require.Equal(t, reg.NodeMeta, node.Node.Meta)
	require.Equal(t, 25, node.Services["mail-1"].Port)
	list, _, err := catalog().NodeServiceList("ext-1", nil)
	require.NoError(t, err)
	require.Len(t, list.Services, 1)
	node, _, err = catalog().Node("nobody", nil)
	require.NoError(t, err)
	require.Nil(t, node)
	connect, _, err := catalog().Connect("mail", "", nil)
	require.NoError(t, err)
	require.Empty(t, connect)

	for _, step := range []struct {
		dereg    *api.CatalogDeregistration
		checks   int
		services int
	}{
		{&api.CatalogDeregistration{Node: "ext-1", Address: "192.0.2.10", CheckID: "alive"}, 1, 1},
		{&api.CatalogDeregistration{Node: "ext-1", Datacenter: "dc1", ServiceID: "mail-1"}, 0, 0},
	} {
		_, err = catalog().Deregister(step.dereg, nil)
		require.NoError(t, err)
		checks, _, err := w.client().Health().Node("ext-1", nil)
		require.NoError(t, err)
		require.Len(t, checks, step.checks)
		node, _, err := catalog().Node("ext-1", nil)
		require.NoError(t, err)
		require.Len(t, node.Services, step.services)
	}
	_, err = catalog().Deregister(&api.CatalogDeregistration{Node: "ext-1"}, nil)
	require.NoError(t, err)
	node, _, err = catalog().Node("ext-1", nil)
	require.NoError(t, err)
	require.Nil(t, node)
}

func testCatalogFilters(t *testing.T, w world) {
	for _, r := range []*api.CatalogRegistration{
		// The service before its node, as clients that know the node's address
		// elsewhere register it.
		{Node: "flt-1", SkipNodeUpdate: true, Service: &api.AgentService{ID: "f1", Service: "flt", Tags: []string{"a"}, Meta: map[string]string{"v": "1"}}},
		{Node: "flt-1", Address: "192.0.2.21", NodeMeta: map[string]string{"os": "linux"}},
		{Node: "flt-2", Address: "192.0.2.22", NodeMeta: map[string]string{"os": "plan9"}, Service: &api.AgentService{ID: "f2", Service: "flt", Tags: []string{"b"}, Meta: map[string]string{"v": "2"}}},
	} {
		_, err := w.client().Catalog().Register(r, nil)
		require.NoError(t, err)
	}
	for _, c := range []struct {
		filter string
		want   []string
	}{
		{`ServiceMeta.v == 1`, []string{"flt-1"}},
		{`NodeMeta.os != linux`, []string{"flt-2"}},
		{`a in ServiceTags or b in ServiceTags`, []string{"flt-1", "flt-2"}},
		{"Address == `192.0.2.21` and not b in ServiceTags", []string{"flt-1"}},
		{`Node matches "^flt-[3-9]"`, nil},
	} {
		found, _, err := w.client().Catalog().Service("flt", "", &api.QueryOptions{Filter: c.filter})
		require.NoError(t, err, c.filter)
		var nodes []string
		for _, s := range found {
			nodes = append(nodes, s.Node)
		}
		require.ElementsMatch(t, c.want, nodes, c.filter)
	}
	_, _, err := w.client().Catalog().Service("flt", "", &api.QueryOptions{Filter: "Node =="})
	require.ErrorContains(t, err, "500")
	for _, n := range []string{"flt-1", "flt-2"} {
		_, err := w.client().Catalog().Deregister(&api.CatalogDeregistration{Node: n}, nil)
		require.NoError(t, err)
	}
}
