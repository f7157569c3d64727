package registry

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/store"
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
		before := r.cons.asked()
		require.NoError(t, r.Heartbeat(context.Background(), "", "near", api.Critical, ""))
		require.Empty(t, r.cons.called)
		require.Equal(t, []string{"near critical"}, p.beats)
		o := r.other()
		require.NoError(t, r.Heartbeat(context.Background(), "", "Far", api.Critical, ""), "an ID is known in any case")
		require.Equal(t, []string{"s2/far critical"}, o.beats)
		require.Equal(t, before, r.cons.asked(), "the state at hand shows all")

		_, err := r.handleHeartbeat(context.Background(), []byte(`{"Node":"s1","CheckID":"near","Status":"critical"}`))
		require.NoError(t, err)
		require.Equal(t, []string{"near critical", "near critical"}, p.beats)
		_, err = r.handleHeartbeat(context.Background(), []byte(`no json`))
		require.ErrorIs(t, err, api.Invalid)
	})
}

// other is the server s2 as far as it takes heartbeats.
type other struct {
	r     *testRegistry
	beats []string
	fail  func(ctx context.Context) error // instead of taking one; nil: it takes it
}

func (r *testRegistry) other() *other {
	o := &other{r: r}
	r.cons.Handle(heartbeatKind, func(ctx context.Context, req []byte) ([]byte, error) {
		var b heartbeat
		require.NoError(r.t, json.Unmarshal(req, &b))
		if o.fail != nil {
			return nil, o.fail(ctx)
		}
		o.beats = append(o.beats, b.Node+"/"+b.CheckID+" "+b.Status)
		r.do(&store.UpdateChecks{From: "s2", Updates: []store.CheckUpdate{{Node: b.Node, CheckID: b.CheckID, Status: b.Status}}})
		return nil, nil
	})
	return o
}

// What this server's state says of a check may be old, and so may be its runner.
func TestHeartbeatFollowsACheckThatMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		ctx := context.Background()
		r.addServer("s2", "id-2")
		r.do(instance("s1", "moved", ""))
		r.do(instance("s1", "gone", ""))
		settle()
		r.follow()
		o := r.other()
		r.do(&store.Deregister{Node: "s1", ServiceID: "gone"})
		require.ErrorIs(t, r.Heartbeat(ctx, "", "gone", api.Passing, ""), api.NotFound)

		r.do(&store.Deregister{Node: "s1", ServiceID: "moved"})
		r.do(instance("s2", "moved", ""))
		r.do(instance("s2", "new", ""))
		for _, id := range []string{"moved", "new"} {
			require.NoError(t, r.Heartbeat(ctx, "", id, api.Passing, ""))
			_, c := r.FindCheck(r.truth(), id)
			require.Equal(t, api.Passing, c.Status)
		}
		require.Equal(t, []string{"s2/moved passing", "s2/new passing"}, o.beats)

		// The other way round, the other server knows more than this one.
		r.do(&store.Deregister{Node: "s2", ServiceID: "moved"})
		r.do(instance("s1", "moved", ""))
		o.fail = func(context.Context) error { return api.E(api.NotFound, "not run here") }
		require.NoError(t, r.Heartbeat(ctx, "", "moved", api.Passing, ""))
		require.Equal(t, api.Passing, r.status("moved"))
	})
}

// Whoever runs a check may die at the moment, or hang. The heartbeat waits for
// the next one.
func TestHeartbeatWaitsForTheHandOver(t *testing.T) {
	for name, fail := range map[string]func(ctx context.Context) error{
		"refused": func(context.Context) error { return api.E(api.Unavailable, "connection refused") },
		"broken":  func(context.Context) error { return api.E(api.OutcomeUnknown, "connection broke") },
		"hangs":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"leaves":  func(context.Context) error { return api.E(api.NotFound, "no server with that ID") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := beatingWith(t, Config{HoldTimeout: time.Second})
				r.addServer("s2", "id-2")
				r.do(instance("s2", "far", "10.0.0.9"))
				settle()
				first := true
				o := r.other()
				o.fail = func(ctx context.Context) error {
					if first {
						first = false
						return api.E(api.OutcomeUnknown, "connection broke")
					}
					return fail(ctx)
				}
				beat := func(ctx context.Context) (took time.Duration, err error) {
					begun := time.Now()
					err = r.Heartbeat(ctx, "", "far", api.Passing, "fine")
					return time.Since(begun), err
				}
				took, err := beat(context.Background())
				require.ErrorIs(t, err, api.Unavailable, "nobody has taken over")
				require.Equal(t, leastInsistence, took)

				impatient, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				first = true
				took, err = beat(impatient)
				require.Error(t, err)
				require.Equal(t, time.Second, took)

				first = true
				time.AfterFunc(1700*time.Millisecond, func() { r.do(&store.Liveness{Node: "s2"}) })
				took, err = beat(context.Background())
				require.NoError(t, err)
				require.Less(t, took, 1800*time.Millisecond)
				n, c := r.FindCheck(r.State(), "far")
				require.Equal(t, "s1", n.Node.Node)
				require.Equal(t, api.Passing, c.Status)
			})
		})
	}
}

// What no runner takes is no reason to wait.
func TestHeartbeatOfWhatTakesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		begun := time.Now()
		require.ErrorIs(t, r.Heartbeat(context.Background(), "", api.SerfHealth, api.Passing, ""), api.NotFound)
		require.Equal(t, begun, time.Now())
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
