package harness_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// What was registered through one server can be changed by its ID through any
// other, and all show it.
func TestWritesByIDWorkThroughAnyServer(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	home := c.Client(0)
	type instance struct{ id, check string }
	ttl := api.CheckDefinition{TTL: api.Duration(time.Hour)}
	status := func(want string) func(*api.Entry, instance) error {
		return func(e *api.Entry, i instance) error {
			for _, k := range e.Checks {
				if k.CheckID == i.check && k.Status == want {
					return nil
				}
			}
			return fmt.Errorf("%s is not %s", i.check, want)
		}
	}
	summed := func(want string) func(*api.Entry, instance) error {
		return func(e *api.Entry, _ instance) error {
			if got := e.Status(); got != want {
				return fmt.Errorf("it is %s, not %s", got, want)
			}
			return nil
		}
	}
	has := func(check func(instance) string, want bool) func(*api.Entry, instance) error {
		return func(e *api.Entry, i instance) error {
			if slices.ContainsFunc(e.Checks, func(k *api.Check) bool { return k.CheckID == check(i) }) != want {
				return fmt.Errorf("check %s: %t", check(i), !want)
			}
			return nil
		}
	}
	steps := []struct {
		name string
		do   func(api.Agent, instance) error
		want func(*api.Entry, instance) error // nil: the instance is gone
	}{
		{"pass", func(a api.Agent, i instance) error { return a.PassTTL(c.Context(), i.check, "fine") }, status(api.Passing)},
		{"warn", func(a api.Agent, i instance) error { return a.WarnTTL(c.Context(), i.check, "hm") }, status(api.Warning)},
		{"fail", func(a api.Agent, i instance) error { return a.FailTTL(c.Context(), i.check, "no") }, status(api.Critical)},
		{"update", func(a api.Agent, i instance) error { return a.UpdateTTL(c.Context(), i.check, api.Passing, "fine") }, status(api.Passing)},
		{"maintenance", func(a api.Agent, i instance) error { return a.ServiceMaintenance(c.Context(), i.id, true, "why") }, summed(api.Maintenance)},
		{"end of it", func(a api.Agent, i instance) error { return a.ServiceMaintenance(c.Context(), i.id, false, "") }, summed(api.Passing)},
		{"another check", func(a api.Agent, i instance) error {
			return a.RegisterCheck(c.Context(), &api.CheckRegistration{ID: "more-" + i.id, Name: "more", ServiceID: i.id, CheckDefinition: ttl})
		}, has(func(i instance) string { return "more-" + i.id }, true)},
		{"its end", func(a api.Agent, i instance) error { return a.DeregisterCheck(c.Context(), "more-"+i.id) },
			has(func(i instance) string { return "more-" + i.id }, false)},
		{"check deregister", func(a api.Agent, i instance) error { return a.DeregisterCheck(c.Context(), i.check) },
			has(func(i instance) string { return i.check }, false)},
		{"service deregister", func(a api.Agent, i instance) error { return a.DeregisterService(c.Context(), i.id) }, nil},
	}
	for via := 1; via < c.Len(); via++ {
		i := instance{fmt.Sprintf("web-%d", via), fmt.Sprintf("beat-%d", via)}
		written(t, func() error {
			return home.Agent().RegisterService(c.Context(), &api.ServiceRegistration{Name: i.id, ID: i.id,
				Check: &api.CheckRegistration{CheckID: i.check, CheckDefinition: ttl}})
		})
		// The others know of it as soon as they are asked for it.
		for _, step := range steps {
			written(t, func() error { return step.do(c.Client(via).Agent(), i) })
			for s := range c.Len() {
				entries, _, err := c.Client(s).Health().Service(c.Context(), i.id, nil)
				require.NoError(t, err)
				if step.want == nil {
					require.Empty(t, entries, "server %d after %s through server %d", s, step.name, via)
					continue
				}
				require.Len(t, entries, 1)
				require.NoError(t, step.want(entries[0], i), "server %d after %s through server %d", s, step.name, via)
				require.Equal(t, c.Name(0), entries[0].Node.Node)
			}
		}
		for name, err := range map[string]error{
			"pass": c.Client(via).Agent().PassTTL(c.Context(), i.check, ""), "deregister": c.Client(via).Agent().DeregisterService(c.Context(), i.id),
			"maintenance": c.Client(via).Agent().ServiceMaintenance(c.Context(), i.id, true, ""),
		} {
			require.ErrorIs(t, err, api.NotFound, name)
		}
	}
	c.Verify()
}

// Registering again with the same content, through whatever server, moves no
// index and wakes nobody, and keeps what the checks said.
func TestRegisteringAgainWakesNobody(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	ctx := c.Context()
	via := 0 // as behind an address that leads to each server in turn
	writes := []func(*api.Client) error{
		func(*api.Client) error {
			via++
			return c.Client(via%c.Len()).Agent().RegisterService(ctx, &api.ServiceRegistration{Name: "web", ID: "web-3", Address: "192.0.2.3", Port: 82,
				Checks: []*api.CheckRegistration{{CheckID: "beat-3", CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}}}})
		},
		func(client *api.Client) error {
			return client.Agent().RegisterService(ctx, &api.ServiceRegistration{Name: "web", ID: "web-1", Tags: []string{"a"}, Port: 80, Meta: map[string]string{"k": "v"},
				Checks: []*api.CheckRegistration{{CheckID: "beat", CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}}}})
		},
		func(client *api.Client) error {
			return client.Agent().RegisterCheck(ctx, &api.CheckRegistration{ID: "disk", Name: "disk", CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}})
		},
		func(client *api.Client) error {
			return client.Catalog().Register(ctx, &api.CatalogRegistration{Node: "ext", Address: "192.0.2.1", NodeMeta: map[string]string{"external-node": "true"},
				Service: &api.Service{ID: "web-2", Service: "web", Port: 81},
				Checks:  []*api.Check{{CheckID: "up", Name: "up", ServiceID: "web-2", Status: api.Passing, Definition: &api.CheckDefinition{TCP: "192.0.2.1:81", Interval: api.Duration(time.Hour)}}}})
		},
	}
	home := c.Client(0)
	for _, write := range writes {
		require.NoError(t, write(home))
	}
	require.NoError(t, home.Agent().PassTTL(ctx, "beat", "well"))
	require.NoError(t, home.Agent().PassTTL(ctx, "disk", "well"))
	require.NoError(t, home.Agent().PassTTL(ctx, "beat-3", "well"))

	reads := map[string]func(*api.Client, *api.QueryOptions) (api.QueryMeta, error){
		"health": func(client *api.Client, q *api.QueryOptions) (api.QueryMeta, error) {
			entries, m, err := client.Health().Service(ctx, "web", q)
			if err == nil && (len(entries) != 3 || slices.ContainsFunc(entries, func(e *api.Entry) bool { return e.Status() != api.Passing })) {
				err = fmt.Errorf("%d instances", len(entries))
			}
			return m, err
		},
		"checks": func(client *api.Client, q *api.QueryOptions) (api.QueryMeta, error) {
			_, m, err := client.Health().State(ctx, api.AnyState, q)
			return m, err
		},
		"services": func(client *api.Client, q *api.QueryOptions) (api.QueryMeta, error) {
			_, m, err := client.Catalog().Services(ctx, q)
			return m, err
		},
		"nodes": func(client *api.Client, q *api.QueryOptions) (api.QueryMeta, error) {
			_, m, err := client.Catalog().Nodes(ctx, q)
			return m, err
		},
		"node": func(client *api.Client, q *api.QueryOptions) (api.QueryMeta, error) {
			_, m, err := client.Catalog().Node(ctx, "ext", q)
			return m, err
		},
	}
	// moved registers everything again and returns the indexes that did not like
	// it. A watcher that wakes gets a newer one.
	moved := func() (list []string) {
		var mu sync.Mutex
		var over atomic.Bool
		var watching sync.WaitGroup
		for s := range c.Len() {
			for name, read := range reads {
				before, err := read(c.Client(s), nil)
				require.NoError(t, err, name)
				watching.Go(func() {
					for !over.Load() {
						after, err := read(c.Client(s), &api.QueryOptions{Index: before.Index, Wait: 500 * time.Millisecond})
						if err != nil || after.Index != before.Index {
							over.Store(true)
							mu.Lock()
							defer mu.Unlock()
							list = append(list, fmt.Sprintf("%s on server %d: index %d became %d: %v", name, s, before.Index, after.Index, err))
							return
						}
					}
				})
			}
		}
		harness.Await(t, "the watchers to wait", func() error {
			list, err := c.Client(0).Cluster().Servers(ctx, false)
			for _, f := range list {
				if f.Watchers < len(reads) && !over.Load() {
					err = fmt.Errorf("%d at %s", f.Watchers, f.Server)
				}
			}
			return err
		})
		for range 3 {
			for _, write := range writes {
				require.NoError(t, write(home))
			}
		}
		over.Store(true)
		watching.Wait()
		return list
	}
	// On a busy machine a server may be taken for dead meanwhile, which is news.
	upset := func() string {
		health, _, err := home.Health().State(ctx, api.AnyState, &api.QueryOptions{Filter: "CheckID == serfHealth"})
		require.NoError(t, err)
		said := c.Stat(0, "term")
		for _, k := range health {
			said += fmt.Sprintf(" %s:%d", k.Node, k.ModifyIndex)
		}
		return said
	}
	for try := 0; ; try++ {
		before := upset()
		list := moved()
		if len(list) == 0 {
			break
		}
		require.NotEqual(t, before, upset(), list)
		require.Less(t, try, 5, list)
	}
	c.Verify()
}

// What was deregistered while its server was dead or cut off stays away when
// that comes back, whether it was handed over or not.
func TestDeregisteredStaysAway(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	for _, away := range []struct {
		name       string
		take, give func(int)
	}{
		{"dead", c.Kill, c.Start},
		{"cut off", c.Isolate, func(int) { c.Heal() }},
	} {
		t.Run(away.name, func(t *testing.T) {
			home := (c.WaitLeader() + 1) % c.Len()
			other := c.Client((home + 1) % c.Len())
			ids := []string{"moves", "stays"}
			for _, id := range ids {
				reg := &api.ServiceRegistration{Name: id, ID: id, Check: &api.CheckRegistration{CheckID: id, Status: api.Passing,
					CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}}}
				if id == "moves" {
					reg.Address = "192.0.2.7"
				}
				require.NoError(t, c.Client(home).Agent().RegisterService(c.Context(), reg))
				require.NoError(t, c.Client(home).Agent().PassTTL(c.Context(), id, "well"))
			}
			away.take(home)
			harness.Await(t, "the one to be handed over", func() error {
				entries, _, err := other.Health().Service(c.Context(), "moves", nil)
				if err != nil || len(entries) != 1 || entries[0].Node.Node == c.Name(home) {
					return fmt.Errorf("%d instances, %w", len(entries), err)
				}
				return nil
			})
			for _, id := range ids {
				tried := false
				harness.Await(t, "deregistration of "+id, func() error {
					err := other.Agent().DeregisterService(c.Context(), id)
					if tried && errors.Is(err, api.NotFound) {
						return nil // the attempt whose outcome is unknown did it
					}
					tried = true
					return err
				})
			}
			away.give(home)
			c.WaitHealthy()
			ctx, cancel := context.WithTimeout(c.Context(), 20*time.Second)
			defer cancel()
			for _, id := range ids {
				// A heartbeat is answered from memory, so one may still be taken
				// before the server has caught up. It must not bring anything back.
				harness.Await(t, "heartbeats of "+id+" to be refused", func() error {
					if err := c.Client(home).Agent().PassTTL(ctx, id, "I am still here"); !errors.Is(err, api.NotFound) {
						return fmt.Errorf("answered with %v", err)
					}
					return nil
				})
				for s := range c.Len() {
					entries, meta, err := c.Client(s).Health().Service(ctx, id, nil)
					require.NoError(t, err)
					require.Empty(t, entries)
					// Nor does it come a moment later.
					entries, _, err = c.Client(s).Health().Service(ctx, id, &api.QueryOptions{Index: meta.Index, Wait: 100 * time.Millisecond})
					require.NoError(t, err)
					require.Empty(t, entries)
				}
			}
		})
	}
	c.Verify()
}
