package harness_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// The leader dies while a check is critical: the next one takes the service
// away, and not before its time.
func TestDeadlineOutlivesTheLeader(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{Settings: map[string]string{"check_deregister_interval_min": "1s"}})
	leader := c.WaitLeader()
	home := c.Client((leader + 1) % c.Len())
	const ttl, after = time.Second, 3 * time.Second
	begun := time.Now()
	for _, name := range []string{"dead", "well"} {
		require.NoError(t, home.Agent().RegisterService(c.Context(), &api.ServiceRegistration{Name: name, Check: &api.CheckRegistration{CheckID: name, Status: api.Passing,
			CheckDefinition: api.CheckDefinition{TTL: api.Duration(ttl), DeregisterCriticalServiceAfter: api.Duration(after)}}}))
	}
	instances := func(name string) (n int, status string, err error) {
		entries, _, err := home.Health().Service(t.Context(), name, nil)
		if err != nil || len(entries) == 0 {
			return 0, "", err
		}
		for _, k := range entries[0].Checks {
			if k.CheckID == name {
				status = k.Status
			}
		}
		return len(entries), status, nil
	}
	for _, name := range []string{"dead", "well"} {
		harness.Await(t, name+" to be critical", func() error {
			if _, status, err := instances(name); err != nil || status != api.Critical {
				return fmt.Errorf("it is %s: %w", status, err)
			}
			return nil
		})
	}
	c.Kill(leader)
	harness.Await(t, "a heartbeat", func() error { return home.Agent().PassTTL(c.Context(), "well", "alive") })
	require.NoError(t, home.Agent().DeregisterCheck(c.Context(), "well"))
	harness.Await(t, "the dead service to go", func() error {
		if n, status, err := instances("dead"); err != nil || n > 0 {
			return fmt.Errorf("it is %s: %w", status, err)
		}
		return nil
	})
	took := time.Since(begun)
	require.Greater(t, took, ttl+after, "it went early")
	t.Logf("gone after %v", took.Round(time.Millisecond))
	n, _, err := instances("well")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	c.Start(leader)
	c.Verify()
}
