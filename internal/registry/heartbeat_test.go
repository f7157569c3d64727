package registry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/pkg/api"
)

// beating returns a leading registry at rest over a real check runner.
func beating(t *testing.T) *testRegistry {
	t.Helper()
	return beatingWith(t, Config{})
}

func beatingWith(t *testing.T, cfg Config) *testRegistry {
	t.Helper()
	r := openWith(t, cfg, func(r *Registry) Heartbeats {
		run := checks.NewRunner(checks.Config{Emit: r.Emit})
		t.Cleanup(func() { r.Close(); run.Close() })
		return run
	})
	r.lead()
	for r.OwnNode(r.State()) == nil {
		settle()
	}
	settle()
	return r
}

// status returns what the catalog says of a check.
func (r *testRegistry) status(id string) string {
	_, c := r.FindCheck(r.State(), id)
	if c == nil {
		return ""
	}
	return c.Status
}

func TestHeartbeatIsInTheCatalogWhenItIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		ctx := context.Background()
		web := &api.ServiceRegistration{Name: "web", Check: ttl(time.Minute)}
		require.NoError(t, r.RegisterService(ctx, web, false))
		const id = "service:web"
		require.Equal(t, api.Critical, r.status(id))
		require.NoError(t, r.Heartbeat(ctx, "", id, api.Passing, "fine"), "the runner has not been told yet")
		require.Equal(t, api.Passing, r.status(id))

		before := r.cons.proposals()
		for range 20 {
			require.NoError(t, r.Heartbeat(ctx, "", id, api.Passing, "fine"))
		}
		synctest.Wait()
		require.Equal(t, before, r.cons.proposals(), "the same again costs nothing")
		require.NoError(t, r.Heartbeat(ctx, "", id, api.Warning, "hm"))
		require.Equal(t, api.Warning, r.status(id))

		time.Sleep(61 * time.Second)
		synctest.Wait()
		require.Equal(t, api.Critical, r.status(id), "nothing was heard for a minute")
	})
}

// TestHeartbeatOfACheckRegisteredAnew is about the moment in which the runner
// still has the check as it was before.
func TestHeartbeatOfACheckRegisteredAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		ctx := context.Background()
		const id = "service:web"
		web := func(c *api.CheckRegistration) {
			t.Helper()
			require.NoError(t, r.RegisterService(ctx, &api.ServiceRegistration{Name: "web", Check: c}, true))
		}
		web(ttl(time.Minute))
		require.NoError(t, r.Heartbeat(ctx, "", id, api.Passing, ""))
		settle()
		require.NoError(t, r.DeregisterService(ctx, "web"))
		web(ttl(time.Minute))
		require.Equal(t, api.Critical, r.status(id))
		require.NoError(t, r.Heartbeat(ctx, "", id, api.Passing, ""))
		require.Equal(t, api.Passing, r.status(id))

		web(&api.CheckRegistration{CheckDefinition: api.CheckDefinition{TCP: "127.0.0.1:1", Interval: api.Duration(time.Hour)}})
		settle()
		require.ErrorIs(t, r.Heartbeat(ctx, "", id, api.Warning, ""), api.Refused, "it is no TTL check")
		web(ttl(time.Minute))
		require.NoError(t, r.Heartbeat(ctx, "", id, api.Warning, ""), "now it is one")
		require.Equal(t, api.Warning, r.status(id))
		settle()
		require.Equal(t, api.Warning, r.status(id))
	})
}

func TestHeartbeatGoesToTheServerThatRunsTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := assigned(t)
		r.addServer("s2", "id-2")
		r.do(instance("s2", "far", ""))
		r.do(instance("s1", "near", ""))
		settle()
		require.NoError(t, r.Heartbeat(context.Background(), "", "near", api.Passing, ""))
		require.Empty(t, r.cons.called)
		require.Equal(t, []string{"near passing"}, p.beats)

		// The fake cluster leads every call back here, where the check is not run.
		require.ErrorIs(t, r.Heartbeat(context.Background(), "", "far", api.Passing, ""), api.NotFound)
		require.Equal(t, []string{"id-2 " + heartbeatKind}, r.cons.called)

		_, err := r.handleHeartbeat(context.Background(), []byte(`{"Node":"s1","CheckID":"near","Status":"warning"}`))
		require.NoError(t, err)
		require.Equal(t, []string{"near passing", "near warning"}, p.beats)
		_, err = r.handleHeartbeat(context.Background(), []byte(`no json`))
		require.ErrorIs(t, err, api.Invalid)
	})
}

func TestServiceWhoseCheckStaysCriticalIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		c := ttl(10 * time.Second)
		c.Status, c.DeregisterCriticalServiceAfter = api.Passing, api.Duration(time.Minute)
		require.NoError(t, r.RegisterService(context.Background(), &api.ServiceRegistration{Name: "web", Check: c}, false))
		time.Sleep(30 * time.Second)
		require.Equal(t, api.Critical, r.status("service:web"))
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		_, i := r.FindService(r.State(), "web")
		require.Nil(t, i)
	})
}

// TestResultsOfAServerThatIsNoLongerTheOwnerAreDropped emits for a check that
// another server runs.
func TestResultsOfAServerThatIsNoLongerTheOwnerAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := assigned(t)
		r.addServer("s2", "id-2")
		r.do(instance("s2", "far", ""))
		r.do(instance("s1", "near", ""))
		r.Emit([]checks.Transition{
			{ID: checks.ID{Node: "s2", CheckID: "far"}, Status: api.Passing},
			{ID: checks.ID{Node: "s1", CheckID: "near"}, Status: api.Passing},
			{ID: checks.ID{Node: "s1", CheckID: "gone"}, Status: api.Passing},
		})
		require.Equal(t, api.Critical, r.status("far"))
		require.Equal(t, api.Passing, r.status("near"))
	})
}

// A node that is no server of ours may have a check that waits for heartbeats,
// too: the cluster runs it.
func TestHeartbeatOfAnExternalNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		ctx := context.Background()
		register := func(node string) {
			require.NoError(t, r.RegisterCatalog(ctx, &api.CatalogRegistration{Node: node, Address: "192.0.2.1",
				Service: &api.Service{ID: "box", Service: "box"},
				Check:   &api.Check{CheckID: "alive", ServiceID: "box", Status: api.Passing, Definition: &api.CheckDefinition{TTL: api.Duration(time.Minute)}}}))
			settle()
		}
		status := func(node string) string {
			v, _ := r.State().Node(node)
			return v.Check("alive").Status
		}
		register("a")
		require.ErrorIs(t, r.Heartbeat(ctx, "", "other", api.Passing, ""), api.NotFound)
		require.NoError(t, r.Heartbeat(ctx, "", "alive", api.Warning, "hot"))
		require.Equal(t, api.Warning, status("a"))

		register("b")
		err := r.Heartbeat(ctx, "", "alive", api.Passing, "")
		require.ErrorIs(t, err, api.Invalid)
		require.ErrorContains(t, err, "nodes a and b")
		time.Sleep(30 * time.Second)
		require.NoError(t, r.Heartbeat(ctx, "B", "alive", api.Passing, ""))
		require.ErrorIs(t, r.Heartbeat(ctx, "c", "alive", api.Passing, ""), api.NotFound)
		time.Sleep(45 * time.Second)
		synctest.Wait()
		require.Equal(t, api.Critical, status("a"), "its time is over")
		require.Equal(t, api.Passing, status("b"))
	})
}
