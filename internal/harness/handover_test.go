package harness_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// A server dies and stays away until autopilot removes it. The instance that
// lives on is seen all the time and once, though all servers have one of its
// ID; what is bound to the server waits for it and runs again when it is back.
func TestNothingVanishesWithItsServer(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("true"); err != nil {
		t.Skip("there is no command to run")
	}
	c := harness.New(t, harness.Options{Settings: map[string]string{"enable_script_checks": "true"}})
	victim := (c.WaitLeader() + 1) % c.Len()
	witness := c.Client((victim + 1) % c.Len())
	ttl := api.CheckDefinition{TTL: api.Duration(time.Hour)}
	same := func(i, port int) *api.ServiceRegistration {
		return &api.ServiceRegistration{Name: "same", Address: fmt.Sprintf("192.0.2.%d", i), Port: port,
			Check: &api.CheckRegistration{CheckID: "health", CheckDefinition: ttl}}
	}
	for i := range c.Len() {
		require.NoError(t, c.Client(i).Agent().RegisterService(c.Context(), same(i, 80)))
		require.NoError(t, c.Client(i).Agent().PassTTL(c.Context(), "health", "well"))
	}
	home := c.Client(victim)
	require.NoError(t, home.Agent().RegisterService(c.Context(), &api.ServiceRegistration{Name: "beat", Port: 80,
		Check: &api.CheckRegistration{CheckID: "beat", CheckDefinition: ttl, Status: api.Passing}}))
	require.NoError(t, home.Agent().RegisterService(c.Context(), &api.ServiceRegistration{Name: "script", Address: "192.0.2.9", Port: 80,
		Check: &api.CheckRegistration{CheckID: "script", CheckDefinition: api.CheckDefinition{Args: []string{"true"}, Interval: api.Duration(time.Second)}}}))
	one := func(service string) (*api.Entry, error) {
		entries, _, err := witness.Health().Service(c.Context(), service, nil)
		if err != nil || len(entries) != 1 {
			return nil, fmt.Errorf("%d instances of %s: %w", len(entries), service, err)
		}
		return entries[0], nil
	}
	is := func(service, status string) {
		t.Helper()
		harness.Await(t, service+" to be "+status, func() error {
			e, err := one(service)
			if err == nil && (e.Status() != status || e.Node.Node != c.Name(victim)) {
				err = fmt.Errorf("%s on %s", e.Status(), e.Node.Node)
			}
			return err
		})
	}
	is("script", api.Passing)

	ctx, stop := context.WithCancel(t.Context())
	var watcher sync.WaitGroup
	var gap error
	watcher.Go(func() { gap = watchOn(ctx, witness, "same", c.Len()) })
	c.Kill(victim)
	servers := func() (names []string, err error) {
		list, _, err := witness.Catalog().Service(c.Context(), "consul", nil)
		for _, e := range list {
			names = append(names, e.Node)
		}
		return names, err
	}
	harness.Await(t, "autopilot to remove the server", func() error {
		names, err := servers()
		if err == nil && slices.Contains(names, c.Name(victim)) {
			err = errors.New("it is there")
		}
		return err
	})
	is("beat", api.Critical)
	is("script", api.Critical)
	refuge := c.Name(victim) + "-handed-over"
	n, _, err := witness.Catalog().Node(c.Context(), refuge, nil)
	require.NoError(t, err)
	require.Len(t, n.Services, 1)
	require.NoError(t, witness.Agent().RegisterService(c.Context(), same(victim, 81)), "through a server that has another of its ID")

	c.Start(victim)
	c.WaitHealthy()
	is("script", api.Passing)
	require.NoError(t, home.Agent().PassTTL(c.Context(), "beat", "well"))
	is("beat", api.Passing)
	require.NoError(t, home.Agent().PassTTL(c.Context(), "health", "well"))
	require.NoError(t, home.Agent().RegisterService(c.Context(), same(victim, 82)))
	stop()
	watcher.Wait()
	require.NoError(t, gap)
	entries, _, err := home.Health().Service(c.Context(), "same", &api.QueryOptions{Passing: true})
	require.NoError(t, err)
	have := map[string]string{}
	for _, e := range entries {
		have[e.Node.Node] = fmt.Sprintf("%s:%d", e.Service.Address, e.Service.Port)
	}
	want := map[string]string{}
	for i := range c.Len() {
		want[c.Name(i)] = fmt.Sprintf("192.0.2.%d:80", i)
	}
	want[c.Name(victim)] = fmt.Sprintf("192.0.2.%d:82", victim)
	require.Equal(t, want, have)
	nodes, _, err := home.Catalog().Nodes(c.Context(), nil)
	require.NoError(t, err)
	require.Len(t, nodes, c.Len(), "the refuge has gone")
	c.Verify()
}

// watchOn follows the healthy instances of a service by blocking queries until
// ctx ends and returns the first answer that has another number of them.
func watchOn(ctx context.Context, client *api.Client, name string, want int) error {
	index := uint64(0)
	for ctx.Err() == nil {
		entries, meta, err := client.Health().Service(ctx, name, &api.QueryOptions{Passing: true, Index: index, Wait: time.Second})
		if err != nil {
			continue
		}
		if len(entries) != want {
			return fmt.Errorf("%d healthy instances of %s at index %d", len(entries), name, meta.Index)
		}
		index = meta.Index
	}
	return nil
}
