package official

import (
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func testServices(t *testing.T, w world) {
	agent := w.home().Agent()
	reg := &api.AgentServiceRegistration{
		ID: "shop-1", Name: "shop", Tags: []string{"v1", "primary"}, Address: "10.1.0.1", Port: 8080,
		Meta:            map[string]string{"version": "1"},
		TaggedAddresses: map[string]api.ServiceAddress{"wan": {Address: "198.51.100.1", Port: 80}},
		Weights:         &api.AgentWeights{Passing: 5, Warning: 2},
		Locality:        &api.Locality{Region: "eu", Zone: "eu-1"},
		Check:           &api.AgentServiceCheck{TTL: "1h", Status: api.HealthPassing},
	}
	require.NoError(t, agent.ServiceRegister(reg))
	require.NoError(t, agent.ServiceRegister(&api.AgentServiceRegistration{Name: "shop", ID: "shop-2", Port: 8081}))

	services, err := agent.Services()
	require.NoError(t, err)
	got := services["shop-1"]
	require.NotNil(t, got)
	require.Equal(t, "shop", got.Service)
	require.Equal(t, reg.Tags, got.Tags)
	require.Equal(t, reg.Address, got.Address)
	require.Equal(t, reg.Port, got.Port)
	require.Equal(t, reg.Meta, got.Meta)
	require.Equal(t, *reg.Weights, got.Weights)
	require.Equal(t, reg.Locality, got.Locality)
	require.Equal(t, reg.TaggedAddresses["wan"], got.TaggedAddresses["wan"])
	require.Contains(t, got.TaggedAddresses, "lan_ipv4")

	filtered, err := agent.ServicesWithFilter(`Service == shop and Meta.version == "1"`)
	require.NoError(t, err)
	require.Len(t, filtered, 1)
	require.Contains(t, filtered, "shop-1")

	// Every server shows it at once, with its check.
	entries, meta, err := w.client().Health().Service("shop", "", true, nil)
	require.NoError(t, err)
	require.NotZero(t, meta.LastIndex)
	require.True(t, meta.KnownLeader)
	require.Len(t, entries, 2)

	status, info, err := agent.AgentHealthServiceByID("shop-1")
	require.NoError(t, err)
	require.Equal(t, api.HealthPassing, status)
	require.Equal(t, "shop-1", info.Service.ID)
	require.Len(t, info.Checks, 1)
	status, infos, err := agent.AgentHealthServiceByName("shop")
	require.NoError(t, err)
	require.Equal(t, api.HealthPassing, status)
	require.Len(t, infos, 2)
	status, _, err = agent.AgentHealthServiceByID("shop-none")
	require.NoError(t, err)
	require.Equal(t, api.HealthCritical, status)

	// Through any server, also one that it was not registered with.
	require.NoError(t, w.client().Agent().ServiceDeregister("shop-2"))
	require.NoError(t, agent.ServiceDeregister("shop-1"))
	entries, _, err = w.client().Health().Service("shop", "", false, nil)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.Error(t, agent.ServiceDeregister("shop-1"))
}

func testServiceHash(t *testing.T, w world) {
	client := w.home()
	reg := &api.AgentServiceRegistration{ID: "hashed-1", Name: "hashed", Port: 1}
	require.NoError(t, client.Agent().ServiceRegister(reg))
	first, meta, err := client.Agent().Service("hashed-1", nil)
	require.NoError(t, err)
	require.NotEmpty(t, first.ContentHash)
	require.Equal(t, first.ContentHash, meta.LastContentHash)

	changed := make(chan *api.AgentService, 1)
	go func() {
		s, _, err := client.Agent().Service("hashed-1", &api.QueryOptions{WaitHash: first.ContentHash, WaitTime: time.Minute})
		if err == nil {
			changed <- s
		}
	}()
	reg.Port = 2
	require.NoError(t, client.Agent().ServiceRegister(reg))
	s := rig.Within(t, "the changed service", changed)
	require.Equal(t, 2, s.Port)
	require.NotEqual(t, first.ContentHash, s.ContentHash)
	require.NoError(t, client.Agent().ServiceDeregister("hashed-1"))
	_, _, err = client.Agent().Service("hashed-1", nil)
	require.ErrorContains(t, err, "404")
}

func testServiceChecksReplaced(t *testing.T, w world) {
	agent := w.home().Agent()
	reg := &api.AgentServiceRegistration{ID: "swap-1", Name: "swap", Checks: api.AgentServiceChecks{
		{CheckID: "swap:a", Name: "a", TTL: "1h"}, {CheckID: "swap:b", Name: "b", TTL: "1h"},
	}}
	require.NoError(t, agent.ServiceRegister(reg))
	reg.Checks = api.AgentServiceChecks{{CheckID: "swap:c", Name: "c", TTL: "1h"}}
	require.NoError(t, agent.ServiceRegister(reg))
	checks, err := agent.ChecksWithFilter(`ServiceID == "swap-1"`)
	require.NoError(t, err)
	require.Len(t, checks, 3)
	require.NoError(t, agent.ServiceRegisterOpts(reg, api.ServiceRegisterOpts{ReplaceExistingChecks: true}))
	checks, err = agent.ChecksWithFilter(`ServiceID == "swap-1"`)
	require.NoError(t, err)
	require.Len(t, checks, 1)
	require.Contains(t, checks, "swap:c")
	require.NoError(t, agent.ServiceDeregister("swap-1"))
}

func testServiceMaintenance(t *testing.T, w world) {
	agent := w.home().Agent()
	require.NoError(t, agent.ServiceRegister(&api.AgentServiceRegistration{ID: "fix-1", Name: "fix"}))
	require.NoError(t, agent.EnableServiceMaintenance("fix-1", "new disk"))
	entries, _, err := w.client().Health().Service("fix", "", true, nil)
	require.NoError(t, err)
	require.Empty(t, entries)
	status, info, err := agent.AgentHealthServiceByID("fix-1")
	require.NoError(t, err)
	require.Equal(t, api.HealthCritical, status, "the client goes by the status code")
	require.Equal(t, api.HealthMaint, info.AggregatedStatus)
	checks, err := agent.Checks()
	require.NoError(t, err)
	require.Equal(t, "new disk", checks["_service_maintenance:fix-1"].Notes)
	require.NoError(t, agent.DisableServiceMaintenance("fix-1"))
	entries, _, err = w.client().Health().Service("fix", "", true, nil)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.NoError(t, agent.ServiceDeregister("fix-1"))
}

func testNodeMaintenance(t *testing.T, w world) {
	client := w.home()
	name, err := client.Agent().NodeName()
	require.NoError(t, err)
	require.NoError(t, client.Agent().ServiceRegister(&api.AgentServiceRegistration{ID: "onnode-1", Name: "onnode"}))
	require.NoError(t, client.Agent().EnableNodeMaintenance("moving"))
	checks, _, err := w.client().Health().Node(name, nil)
	require.NoError(t, err)
	require.Equal(t, api.HealthMaint, checks.AggregatedStatus())
	entries, _, err := w.client().Health().Service("onnode", "", true, nil)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.NoError(t, client.Agent().DisableNodeMaintenance())
	checks, _, err = w.client().Health().Node(name, nil)
	require.NoError(t, err)
	require.Equal(t, api.HealthPassing, checks.AggregatedStatus())
	require.NoError(t, client.Agent().ServiceDeregister("onnode-1"))
}
