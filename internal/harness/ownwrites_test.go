package harness_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// TestAgentShowsItsOwnWrites changes services and checks through a follower and
// reads them back from it, through the endpoints that ask nobody else.
func TestAgentShowsItsOwnWrites(t *testing.T) {
	c := harness.New(t, harness.Options{})
	agent := c.Client((c.WaitLeader() + 1) % c.Len()).Agent()
	ctx := c.Context()
	for i := range 50 {
		id := fmt.Sprintf("w-%d", i)
		require.NoError(t, agent.RegisterService(ctx, &api.ServiceRegistration{Name: "web", ID: id,
			Check: &api.CheckRegistration{CheckID: id, CheckDefinition: api.CheckDefinition{TTL: api.Duration(3600e9)}}}))
		services, err := agent.Services(ctx, "")
		require.NoError(t, err)
		require.Contains(t, services, id)

		require.NoError(t, agent.PassTTL(ctx, id, "well"))
		checks, err := agent.Checks(ctx, "")
		require.NoError(t, err)
		require.Equal(t, api.Passing, checks[id].Status)

		require.NoError(t, agent.ServiceMaintenance(ctx, id, true, ""))
		checks, err = agent.Checks(ctx, "")
		require.NoError(t, err)
		require.Contains(t, checks, api.ServiceMaintenancePrefix+id)

		require.NoError(t, agent.DeregisterCheck(ctx, id))
		require.ErrorIs(t, agent.PassTTL(ctx, id, ""), api.NotFound)
		require.NoError(t, agent.DeregisterService(ctx, id))
		services, err = agent.Services(ctx, "")
		require.NoError(t, err)
		require.NotContains(t, services, id)
	}
}
