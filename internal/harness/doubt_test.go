package harness_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// A client that talks to one server after the other finds by its ID what it has
// just changed through another, though the asked server may not know of that yet.
func TestWritesByIDFollowWritesThroughOtherServers(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	ctx := c.Context()
	var clients []*api.Client
	for i := range c.Len() {
		clients = append(clients, c.Client(i))
	}
	agent := func(i int) api.Agent { return clients[i%len(clients)].Agent() }
	// With another port it is a new form of the program, which moves to the
	// server that it registers through.
	registration := func(name string, port int) *api.ServiceRegistration {
		return &api.ServiceRegistration{Name: name, ID: name, Address: "192.0.2.7", Port: port,
			Check: &api.CheckRegistration{CheckID: name, CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}}}
	}
	entries := func(name string) []*api.Entry {
		t.Helper()
		list, _, err := clients[0].Health().Service(ctx, name, nil)
		require.NoError(t, err)
		return list
	}
	const rounds = 50

	written(t, func() error { return agent(0).RegisterService(ctx, registration("steady", 80)) })
	for i := range rounds {
		written(t, func() error { return agent(i).ServiceMaintenance(ctx, "steady", true, "why") })
		written(t, func() error { return agent(i+1).ServiceMaintenance(ctx, "steady", false, "") })
		for _, k := range entries("steady")[0].Checks {
			require.NotEqual(t, api.ServiceMaintenancePrefix+"steady", k.CheckID, "round %d: maintenance goes on", i)
		}
	}
	for i := range rounds {
		name := fmt.Sprintf("gone-%d", i)
		written(t, func() error { return agent(i).RegisterService(ctx, registration(name, 80)) })
		written(t, func() error { return agent(i+1).RegisterService(ctx, registration(name, 81)) })
		written(t, func() error { return agent(i+2).DeregisterService(ctx, name) })
		require.Empty(t, entries(name), "round %d", i)
	}
	for i := range rounds {
		name := fmt.Sprintf("beats-%d", i)
		written(t, func() error { return agent(i).RegisterService(ctx, registration(name, 80)) })
		written(t, func() error { return agent(i+1).RegisterService(ctx, registration(name, 81)) })
		written(t, func() error { return agent(i+2).PassTTL(ctx, name, "well") })
		list := entries(name)
		require.Len(t, list, 1)
		require.Equal(t, api.Passing, api.WorstStatus(list[0].Checks), "round %d", i)
	}
	c.Verify()
}

// A heartbeat through a living server is never refused for the death of the one
// that runs the check: it reaches the next.
func TestHeartbeatsOutliveTheirServer(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	for _, s := range []struct {
		name     string
		down, up func(i int)
	}{
		{"killed", c.Kill, c.Start},
		{"cut off", c.Isolate, func(int) { c.Heal() }},
	} {
		t.Run(s.name, func(t *testing.T) {
			victim := (c.WaitLeader() + 1) % c.Len()
			witness := c.Client((victim + 1) % c.Len()).Agent()
			id := "beat " + s.name
			require.NoError(t, c.Client(victim).Agent().RegisterService(c.Context(), &api.ServiceRegistration{Name: id, ID: id, Address: "192.0.2.7",
				Check: &api.CheckRegistration{CheckID: id, CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}}}))
			require.NoError(t, witness.PassTTL(c.Context(), id, ""))
			s.down(victim)
			begun := time.Now()
			written(t, func() error { return witness.WarnTTL(c.Context(), id, "my server is gone") })
			t.Logf("taken after %v", time.Since(begun).Round(time.Millisecond))
			entries, _, err := c.Client((victim+2)%c.Len()).Health().Service(c.Context(), id, nil)
			require.NoError(t, err)
			require.Len(t, entries, 1)
			require.NotEqual(t, c.Name(victim), entries[0].Node.Node)
			require.Equal(t, api.Warning, api.WorstStatus(entries[0].Checks))
			s.up(victim)
			c.WaitHealthy()
		})
	}
	c.Verify()
}
