package harness_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// A sidecar and what it stands beside may be handed to different servers. Its
// alias check finds the instance there: no read shows the sidecar failing.
func TestSidecarsFollowTheirServices(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	const pairs = 8
	victim := (c.WaitLeader() + 1) % c.Len()
	witness := c.Client((victim + 1) % c.Len())
	ctx := c.Context()
	for i := range pairs {
		app, side := fmt.Sprintf("app-%d", i), fmt.Sprintf("side-%d", i)
		address := fmt.Sprintf("192.0.2.%d", i+1)
		written(t, func() error {
			return c.Client(victim).Agent().RegisterService(ctx, &api.ServiceRegistration{Name: "app", ID: app, Address: address, Port: 80,
				Check: &api.CheckRegistration{CheckID: app, Status: api.Passing, CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}}})
		})
		written(t, func() error {
			return c.Client(victim).Agent().RegisterService(ctx, &api.ServiceRegistration{Name: "side", ID: side, Address: address, Port: 81,
				Check: &api.CheckRegistration{CheckID: side, CheckDefinition: api.CheckDefinition{AliasService: app}}})
		})
	}
	// places returns where the sidecars and their services are, if all pass.
	places := func() (together, apart int, err error) {
		entries, _, err := witness.Health().Service(ctx, "side", &api.QueryOptions{Passing: true})
		if err != nil || len(entries) != pairs {
			return 0, 0, fmt.Errorf("%d sidecars pass: %w", len(entries), err)
		}
		apps, _, err := witness.Health().Service(ctx, "app", nil)
		if err != nil || len(apps) != pairs {
			return 0, 0, fmt.Errorf("%d services: %w", len(apps), err)
		}
		home := map[string]string{}
		for _, a := range apps {
			home[a.Service.Address] = a.Node.Node
		}
		for _, e := range entries {
			switch {
			case e.Node.Node == c.Name(victim):
				return 0, 0, errors.New("not handed over yet")
			case home[e.Service.Address] == e.Node.Node:
				together++
			default:
				apart++
			}
		}
		return together, apart, nil
	}
	pass := func() error {
		entries, _, err := witness.Health().Service(ctx, "side", &api.QueryOptions{Passing: true})
		if err != nil || len(entries) != pairs {
			return fmt.Errorf("%d sidecars pass: %w", len(entries), err)
		}
		return nil
	}
	harness.Await(t, "the sidecars to pass", pass)
	c.Kill(victim)
	for handed := false; !handed; {
		together, apart, err := places()
		if err == nil {
			t.Logf("%d pairs with one server, %d with two", together, apart)
			require.Positive(t, apart, "no pair was torn apart: nothing is tested")
			handed = true
		}
		require.NoError(t, pass())
	}
	// A failing service shows at its sidecar, wherever that is.
	require.NoError(t, witness.Agent().FailTTL(ctx, "app-0", "down"))
	harness.Await(t, "one sidecar to fail", func() error {
		entries, _, err := witness.Health().Service(ctx, "side", nil)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if want := e.Service.ID == "side-0"; (api.WorstStatus(e.Checks) == api.Critical) != want {
				return fmt.Errorf("%s is %s", e.Service.ID, api.WorstStatus(e.Checks))
			}
		}
		return nil
	})
	// One that is deregistered is found nowhere; once it is back, it is.
	require.NoError(t, witness.Agent().DeregisterService(ctx, "app-1"))
	failing := func(want string) func() error {
		return func() error {
			entries, _, err := witness.Health().Service(ctx, "side", &api.QueryOptions{Filter: `Service.ID == "side-1"`})
			if err != nil || len(entries) != 1 || api.WorstStatus(entries[0].Checks) != want {
				return fmt.Errorf("%d sidecars, not %s: %w", len(entries), want, err)
			}
			return nil
		}
	}
	harness.Await(t, "a sidecar to miss its service", failing(api.Critical))
	require.NoError(t, witness.Agent().RegisterService(ctx, &api.ServiceRegistration{Name: "app", ID: "app-1", Address: "192.0.2.2", Port: 80}))
	harness.Await(t, "the sidecar to find it again", failing(api.Passing))
	c.Start(victim)
	c.WaitHealthy()
	c.Verify()
}
