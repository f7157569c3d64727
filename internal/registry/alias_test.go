package registry

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

type aliasAnswer struct {
	status, output string
	index          uint64
}

// askAlias asks as a check on node s1 does.
func (r *testRegistry) askAlias(ctx context.Context, of checks.Alias, prev uint64) <-chan aliasAnswer {
	of.Of = checks.ID{Node: "s1", CheckID: "side"}
	done := make(chan aliasAnswer, 1)
	go func() {
		s, o, i := r.AliasStatus(ctx, of, prev)
		done <- aliasAnswer{s, o, i}
	}()
	return done
}

// followAlias returns what does something, which must be news to the alias, and
// then tells the status and what is said with it.
func (r *testRegistry) followAlias(of checks.Alias) func(do func()) (status, output string) {
	var last aliasAnswer
	ctx, cancel := context.WithCancel(context.Background())
	r.t.Cleanup(cancel)
	return func(do func()) (string, string) {
		r.t.Helper()
		next := r.askAlias(ctx, of, last.index)
		if last.index != 0 {
			// What else has happened to a node of the servers may come first.
			for synctest.Wait(); len(next) > 0; synctest.Wait() {
				a := <-next
				require.Equal(r.t, last.status, a.status)
				require.Greater(r.t, a.index, last.index)
				last, next = a, r.askAlias(ctx, of, a.index)
			}
		}
		do()
		a := <-next
		require.Greater(r.t, a.index, last.index)
		last = a
		return a.status, a.output
	}
}

func TestAliasFollowsItsService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		after := r.followAlias(checks.Alias{Service: "web"})
		status, output := after(func() {})
		require.Equal(t, api.Critical, status)
		require.Equal(t, "Service web could not be found on node s1, nor on another server", output)
		status, _ = after(func() {
			require.NoError(t, r.RegisterService(context.Background(), &api.ServiceRegistration{Name: "web"}, false))
		})
		require.Equal(t, api.Passing, status)
		status, _ = after(func() { r.do(instance("s1", "web", "")) })
		require.Equal(t, api.Critical, status)

		ctx, cancel := context.WithCancel(context.Background())
		first := <-r.askAlias(ctx, checks.Alias{Service: "web"}, 0)
		last := r.askAlias(ctx, checks.Alias{Service: "web"}, first.index)
		cancel()
		require.Equal(t, first.index, (<-last).index)
	})
}

// An instance that was handed to another server than its sidecar is found there,
// and so is each change of it.
func TestAliasFindsItsServiceOnAnotherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		r.addServer("s2", "id-2")
		r.addServer("s3", "id-3")
		status := func(node, is string) func() {
			return func() {
				r.do(&store.UpdateChecks{Updates: []store.CheckUpdate{{Node: node, CheckID: "web", Status: is}}})
			}
		}
		after := r.followAlias(checks.Alias{Service: "web"})
		for _, step := range []struct {
			name string
			do   func()
			want string
		}{
			{"nowhere", func() {}, api.Critical},
			{"on another server", func() { r.do(instance("s3", "web", "10.0.0.9")) }, api.Critical},
			{"it passes", status("s3", api.Passing), api.Passing},
			{"it warns", status("s3", api.Warning), api.Warning},
			{"its server fails, and it moves", func() { r.do(&store.Liveness{Node: "s3"}) }, api.Warning},
			{"it is removed", func() {
				n, _ := r.FindService(r.State(), "web")
				r.do(&store.Deregister{Node: n.Node.Node, ServiceID: "web"})
			}, api.Critical},
			{"it comes back", func() { r.do(instance("s2", "web", "")) }, api.Critical},
			{"it passes again", status("s2", api.Passing), api.Passing},
			{"one of its own node comes before it", func() { r.do(instance("s1", "web", "")) }, api.Critical},
			{"that passes", status("s1", api.Passing), api.Passing},
			{"that goes", func() { r.do(&store.Deregister{Node: "s1", ServiceID: "web"}) }, api.Passing},
		} {
			got, output := after(step.do)
			require.Equal(t, step.want, got, "%s: %s", step.name, output)
		}
	})
}

// Other servers may have a service of the same ID. What was registered together
// stays together, wherever it was handed to.
func TestAliasFollowsTheServiceOfItsOwnServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		r.addServer("s2", "id-2")
		r.addServer("s3", "id-3")
		side := &store.Register{Node: "s3", SkipNodeUpdate: true, Service: &api.Service{ID: "side", Service: "side", Address: "10.0.0.3"},
			Checks: []*api.Check{{CheckID: "side", ServiceID: "side", Status: api.Passing, Type: "alias", Probe: &api.CheckDefinition{AliasService: "web"}}}}
		r.do(side)
		passes := func(node string) {
			r.do(&store.UpdateChecks{Updates: []store.CheckUpdate{{Node: node, CheckID: "web", Status: api.Passing}}})
		}
		for _, node := range []string{"s1", "s2", "s3"} {
			r.do(instance(node, "web", "10.0.0."+node[1:]))
		}
		status := func() string {
			var of checks.ID
			r.State().Nodes(func(v *store.NodeView) bool {
				if v.Check("side") != nil {
					of = checks.ID{Node: v.Node.Node, CheckID: "side"}
				}
				return true
			})
			status, _, _ := r.AliasStatus(context.Background(), checks.Alias{Of: of, Service: "web"}, 0)
			return status
		}
		require.Equal(t, api.Critical, status())
		passes("s3")
		require.Equal(t, api.Passing, status())
		r.do(&store.Liveness{Node: "s3"})
		v, _ := r.State().Node("s3")
		require.Nil(t, v.Check("side"), "it was handed over")
		refuge, _ := r.State().Node("s3-handed-over")
		require.NotNil(t, refuge.Instance("web"))
		require.Equal(t, api.Passing, status(), "those of the others are critical")
	})
}

// An alias that names a node means that one and no other.
func TestAliasOfANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		r.do(instance("s1", "web", ""))
		service, node := r.followAlias(checks.Alias{Node: "host", Service: "web"}), r.followAlias(checks.Alias{Node: "host"})
		host := func() { r.do(&store.Register{Node: "host", Address: "10.0.0.1", Datacenter: "dc1"}) }
		gone := func() { r.do(&store.Deregister{Node: "host"}) }
		for _, step := range []struct {
			after          func(func()) (string, string)
			do             func()
			status, output string
		}{
			{service, func() {}, api.Critical, "Service web could not be found on node host"},
			{node, func() {}, api.Critical, "Node host could not be found"},
			{node, host, api.Passing, "No checks found."},
			{service, func() { r.do(instance("host", "web", "")) }, api.Critical, `Aliased check "web" failing: `},
			{service, func() { r.do(&store.Deregister{Node: "host", ServiceID: "web"}) }, api.Critical, "Service web could not be found on node host"},
			{node, gone, api.Critical, "Node host could not be found"},
		} {
			status, output := step.after(step.do)
			require.Equal(t, step.status, status)
			require.Equal(t, step.output, output)
		}
		own := <-r.askAlias(context.Background(), checks.Alias{Node: "s1"}, 0)
		require.Equal(t, api.Passing, own.status, "a node's alias looks at the node's own checks")
	})
}
