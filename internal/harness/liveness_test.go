package harness_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// The time in which a failure must be known everywhere is two seconds. A busy
// machine gets twice that here; what it took is printed.
const failureKnown = 4 * time.Second

func TestFailureIsMarkedAndLifted(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	for _, s := range []struct {
		name     string
		down, up func(i int)
		leader   bool
	}{
		{"follower killed", c.Kill, c.Start, false},
		{"follower isolated", c.Isolate, func(int) { c.Heal() }, false},
		{"leader killed", c.Kill, c.Start, true},
		{"leader isolated", c.Isolate, func(int) { c.Heal() }, true},
	} {
		t.Run(s.name, func(t *testing.T) {
			victim := c.WaitLeader()
			if !s.leader {
				victim = (victim + 1) % c.Len()
			}
			witness := c.Client((victim + 2) % c.Len())
			require.NoError(t, marked(c, witness, victim, api.Passing))
			begun := time.Now()
			s.down(victim)
			harness.AwaitWithin(t, failureKnown, "the failure to be marked", func() error { return marked(c, witness, victim, api.Critical) })
			t.Logf("marked after %v", time.Since(begun).Round(time.Millisecond))
			begun = time.Now()
			s.up(victim)
			harness.AwaitWithin(t, failureKnown, "the mark to be lifted", func() error { return marked(c, witness, victim, api.Passing) })
			t.Logf("lifted after %v", time.Since(begun).Round(time.Millisecond))
			c.WaitHealthy()
		})
	}
	c.Verify()
}

func marked(c *harness.Cluster, witness *api.Client, victim int, status string) error {
	checks, _, err := witness.Health().Node(c.Context(), c.Name(victim), nil)
	if err != nil {
		return err
	}
	for _, k := range checks {
		if k.CheckID == api.SerfHealth && k.Status == status {
			return nil
		}
	}
	return fmt.Errorf("serfHealth of %s is not %s", c.Name(victim), status)
}

// An instance with an address of its own lives on when the server it was
// registered through dies: every read until then and after shows it, passing,
// once, and then it answers to heartbeats through any other server.
func TestServiceOutlivesItsServer(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	for _, leader := range []bool{false, true} {
		t.Run(fmt.Sprintf("leader %t", leader), func(t *testing.T) {
			victim := c.WaitLeader()
			if !leader {
				victim = (victim + 1) % c.Len()
			}
			name := fmt.Sprintf("shop-%t", leader)
			require.NoError(t, c.Client(victim).Agent().RegisterService(c.Context(), &api.ServiceRegistration{
				Name: name, ID: name, Address: "192.0.2.7", Port: 80,
				Check: &api.CheckRegistration{CheckID: name + "-ttl", CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Minute)}, Status: api.Passing},
			}))
			ctx, stop := context.WithCancel(t.Context())
			var readers sync.WaitGroup
			gaps := make([]error, c.Len())
			reads := make([]int, c.Len())
			for i := range c.Len() {
				if i == victim {
					continue
				}
				client := c.Client(i)
				readers.Go(func() { reads[i], gaps[i] = readOn(ctx, client, name) })
			}
			heir := c.Client((victim + 1) % c.Len())
			c.Kill(victim)
			harness.AwaitWithin(t, failureKnown, "the service to be handed over", func() error {
				entries, _, err := heir.Health().Service(t.Context(), name, nil)
				if err != nil || len(entries) != 1 {
					return fmt.Errorf("%d instances: %w", len(entries), err)
				}
				if entries[0].Node.Node == c.Name(victim) {
					return errors.New("still with the dead server")
				}
				return nil
			})
			require.NoError(t, heir.Agent().PassTTL(c.Context(), name+"-ttl", "alive"))
			c.Start(victim)
			c.WaitHealthy()
			require.NoError(t, c.Client(victim).Agent().DeregisterCheck(c.Context(), name+"-ttl"))
			stop()
			readers.Wait()
			require.NoError(t, errors.Join(gaps...))
			t.Logf("%v reads", reads)
		})
	}
	c.Verify()
}

// readOn reads a service until ctx ends and returns the first answer that does
// not show its one instance healthy. Errors are no lie.
func readOn(ctx context.Context, client *api.Client, name string) (reads int, err error) {
	for ctx.Err() == nil {
		entries, _, err := client.Health().Service(ctx, name, &api.QueryOptions{Passing: true})
		if err != nil {
			continue
		}
		reads++
		if len(entries) != 1 {
			return reads, fmt.Errorf("read %d shows %d instances of %s", reads, len(entries), name)
		}
	}
	return reads, nil
}
