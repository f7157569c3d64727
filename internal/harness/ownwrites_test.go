package harness_test

import (
	"errors"
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
	write := func(do func() error) { t.Helper(); written(t, do) }
	for i := range 50 {
		id := fmt.Sprintf("w-%d", i)
		write(func() error {
			return agent.RegisterService(ctx, &api.ServiceRegistration{Name: "web", ID: id,
				Check: &api.CheckRegistration{CheckID: id, CheckDefinition: api.CheckDefinition{TTL: api.Duration(3600e9)}}})
		})
		services, err := agent.Services(ctx, "")
		require.NoError(t, err)
		require.Contains(t, services, id)

		write(func() error { return agent.PassTTL(ctx, id, "well") })
		checks, err := agent.Checks(ctx, "")
		require.NoError(t, err)
		require.Equal(t, api.Passing, checks[id].Status)

		write(func() error { return agent.ServiceMaintenance(ctx, id, true, "") })
		checks, err = agent.Checks(ctx, "")
		require.NoError(t, err)
		require.Contains(t, checks, api.ServiceMaintenancePrefix+id)

		write(func() error { return agent.DeregisterCheck(ctx, id) })
		require.ErrorIs(t, agent.PassTTL(ctx, id, ""), api.NotFound)
		write(func() error { return agent.DeregisterService(ctx, id) })
		services, err = agent.Services(ctx, "")
		require.NoError(t, err)
		require.NotContains(t, services, id)
	}
}

// written does a write that must work. The leader may change at any moment on a
// busy machine, so it tries again what did not reach one.
func written(t *testing.T, do func() error) {
	t.Helper()
	unknown := false
	harness.Await(t, "an answer", func() error {
		err := do()
		switch {
		case errors.Is(err, api.OutcomeUnknown):
			unknown = true
			return err
		case errors.Is(err, api.NoLeader):
			return err
		case unknown && errors.Is(err, api.NotFound):
			return nil // the first time removed it
		}
		require.NoError(t, err)
		return nil
	})
}
