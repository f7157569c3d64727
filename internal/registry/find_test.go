package registry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// TestIDsAreFoundOnThisServerFirst registers the same IDs in many places: this
// server's node comes first, then the others' in order of name, and a node that
// is no server never.
func TestIDsAreFoundOnThisServerFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := assigned(t)
		r.addServer("s3", "id-3")
		r.addServer("s2", "id-2")
		r.do(&store.Register{Node: "host", Address: "a", Datacenter: "dc1"})
		for _, node := range []string{"host", "s3", "s2", "s1"} {
			r.do(instance(node, "everywhere", ""))
			if node != "s1" {
				r.do(instance(node, "elsewhere", ""))
			}
			if node == "host" {
				r.do(instance(node, "outside", ""))
			}
		}
		for id, want := range map[string]string{"everywhere": "s1", "elsewhere": "s2", "outside": "", "nowhere": ""} {
			n, i := r.FindService(r.State(), id)
			k, c := r.FindCheck(r.State(), id)
			if want == "" {
				require.Nil(t, n, id)
				require.Nil(t, i, id)
				require.Nil(t, k, id)
				require.Nil(t, c, id)
				continue
			}
			require.Equal(t, want, n.Node.Node, id)
			require.Equal(t, id, i.Service.ID)
			require.Equal(t, want, k.Node.Node, id)
			require.Equal(t, id, c.CheckID)
		}
	})
}

// What was registered through this server and handed over comes before what
// others have, and what no server could take is found, too.
func TestWhatWasHandedOverIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := assigned(t)
		r.addServer("s2", "id-2")
		r.addServer("s3", "id-3")
		for _, of := range []struct{ node, id string }{{"s1", "a"}, {"s2", "a"}, {"s3", "a"}, {"s3", "b"}, {"s2", "c"}, {"s1", "c"}} {
			c := instance(of.node, of.id, "10.0.0."+of.node[1:])
			c.KeepStatus = true
			r.do(c)
		}
		r.do(&store.Liveness{Node: "s1"})
		r.do(&store.Liveness{Node: "s1", Alive: true})
		for id, want := range map[string]string{"a": "s1-handed-over", "b": "s3", "c": "s3"} {
			n, i := r.FindService(r.State(), id)
			require.NotNil(t, i, id)
			require.Equal(t, want, n.Node.Node, id)
			n, c := r.FindCheck(r.State(), id)
			require.NotNil(t, c, id)
			require.Equal(t, want, n.Node.Node, id)
		}
		ctx := context.Background()
		require.NoError(t, r.SetServiceMaintenance(ctx, "a", true, "why"))
		require.NoError(t, r.DeregisterService(ctx, "a"))
		v, _ := r.State().Node("s1-handed-over")
		require.Nil(t, v, "it went with its last instance")
		v, _ = r.State().Node("s2")
		require.NotNil(t, v.Instance("a"))
	})
}

// TestWritesByIDAskWhenInDoubt counts how often the leader is asked: only when
// the state at hand does not have what the write is for, or has it elsewhere.
func TestWritesByIDAskWhenInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := assigned(t)
		ctx := context.Background()
		for _, id := range []string{"a", "b", "c"} {
			r.do(instance("s1", id, ""))
		}
		r.follow()
		asked := func(times int, do func() error) {
			t.Helper()
			before := r.cons.asked()
			require.NoError(t, do())
			require.Equal(t, before+times, r.cons.asked())
		}
		asked(0, func() error { return r.DeregisterService(ctx, "a") })
		asked(0, func() error { return r.DeregisterCheck(ctx, "b") })
		asked(0, func() error { return r.RegisterCheck(ctx, extra("b")) })
		r.do(instance("s1", "d", ""))
		asked(1, func() error { return r.DeregisterService(ctx, "d") })
		before := r.cons.asked()
		require.ErrorIs(t, r.DeregisterService(ctx, "d"), api.NotFound)
		require.Equal(t, before+1, r.cons.asked())
		r.depose()
		require.ErrorIs(t, r.DeregisterService(ctx, "d"), api.NoLeader, "that it is not there cannot be known")
	})
}

// extra is a check of a service instance, named after it.
func extra(serviceID string) *api.CheckRegistration {
	return &api.CheckRegistration{ID: "extra-" + serviceID, Name: "extra", ServiceID: serviceID, CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Minute)}}
}

// TestWritesByIDAreNotMisledByAnOldState has another server move an instance, or
// change it, a moment before this one is asked for a change.
func TestWritesByIDAreNotMisledByAnOldState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := assigned(t)
		ctx := context.Background()
		r.addServer("s2", "id-2")
		moved := func(id string) {
			r.do(&store.Deregister{Node: "s1", ServiceID: id})
			r.do(instance("s2", id, ""))
		}
		begun := func(id, reason string) {
			r.do(&store.Register{Node: "s1", SkipNodeUpdate: true, Checks: []*api.Check{{CheckID: api.ServiceMaintenancePrefix + id, ServiceID: id, Status: api.Critical, Notes: reason}}})
		}
		ended := func(id string) {
			r.do(&store.Deregister{Node: "s1", CheckID: api.ServiceMaintenancePrefix + id})
		}
		gone := func(n *store.NodeView, id string) bool { return n == nil }
		in := func(on bool, notes string) func(*store.NodeView, string) bool {
			return func(n *store.NodeView, id string) bool {
				c := n.Check(api.ServiceMaintenancePrefix + id)
				return (c != nil) == on && (c == nil || c.Notes == notes)
			}
		}
		cases := map[string]struct {
			first  func(id string) // what all know
			then   func(id string) // what this server does not know
			do     func(id string) error
			result func(n *store.NodeView, id string) bool // n: the node that has the instance
		}{
			"deregister what moved":       {nil, moved, func(id string) error { return r.DeregisterService(ctx, id) }, gone},
			"its check":                   {nil, moved, func(id string) error { return r.DeregisterCheck(ctx, id) }, func(n *store.NodeView, id string) bool { return n.Check(id) == nil }},
			"another check of what moved": {nil, moved, func(id string) error { return r.RegisterCheck(ctx, extra(id)) }, func(n *store.NodeView, id string) bool { return n.Check("extra-"+id) != nil }},
			"maintenance of what moved":   {nil, moved, func(id string) error { return r.SetServiceMaintenance(ctx, id, true, "why") }, in(true, "why")},
			"end of what has begun":       {nil, func(id string) { begun(id, "b") }, func(id string) error { return r.SetServiceMaintenance(ctx, id, false, "") }, in(false, "")},
			"begin what has ended":        {func(id string) { begun(id, "b") }, ended, func(id string) error { return r.SetServiceMaintenance(ctx, id, true, "new") }, in(true, "new")},
			"begin what has begun":        {nil, func(id string) { begun(id, "b") }, func(id string) error { return r.SetServiceMaintenance(ctx, id, true, "new") }, in(true, "b")},
		}
		for id, c := range cases {
			r.do(instance("s1", id, ""))
			if c.first != nil {
				c.first(id)
			}
		}
		r.follow()
		for id, c := range cases {
			c.then(id)
			require.NoError(t, c.do(id), id)
			n, _ := r.FindService(r.truth(), id)
			require.True(t, c.result(n, id), id)
		}
	})
}

func TestDeregisteringWorksThroughAnyServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := assigned(t)
		ctx := context.Background()
		r.addServer("s2", "id-2")
		r.do(instance("s2", "far", ""))
		require.NoError(t, r.SetServiceMaintenance(ctx, "far", true, "moving"))
		_, c := r.FindCheck(r.State(), api.ServiceMaintenancePrefix+"far")
		require.Equal(t, "moving", c.Notes)
		require.NoError(t, r.SetServiceMaintenance(ctx, "far", true, "another reason"))
		_, c = r.FindCheck(r.State(), api.ServiceMaintenancePrefix+"far")
		require.Equal(t, "moving", c.Notes, "the first reason stays")
		require.NoError(t, r.SetServiceMaintenance(ctx, "far", false, ""))
		_, c = r.FindCheck(r.State(), api.ServiceMaintenancePrefix+"far")
		require.Nil(t, c)
		require.NoError(t, r.DeregisterCheck(ctx, "far"))
		require.NoError(t, r.DeregisterService(ctx, "far"))
		for _, err := range []error{r.DeregisterCheck(ctx, "far"), r.DeregisterService(ctx, "far"), r.SetServiceMaintenance(ctx, "far", true, ""), r.Heartbeat(ctx, "", "far", api.Passing, "")} {
			require.ErrorIs(t, err, api.NotFound)
			require.ErrorContains(t, err, `"far"`)
		}
		require.NoError(t, r.SetNodeMaintenance(ctx, true, ""))
		_, c = r.FindCheck(r.State(), api.NodeMaintenance)
		require.Equal(t, nodeMaintenanceNotes, c.Notes)
		require.Equal(t, api.Critical, c.Status)
		require.NoError(t, r.SetNodeMaintenance(ctx, false, ""))
		_, c = r.FindCheck(r.State(), api.NodeMaintenance)
		require.Nil(t, c)
	})
}

// TestWhatWentFromTheFilesIsDropped has the same ID in the files of several
// servers: only what this one registered, or what was handed over from it, goes.
func TestWhatWentFromTheFilesIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := assigned(t)
		r.addServer("s2", "id-2")
		at := func(node, id, address string, port int) *store.Register {
			return &store.Register{Node: node, SkipNodeUpdate: true, Service: &api.Service{ID: id, Service: "web", Address: address, Port: port},
				Checks: []*api.Check{{CheckID: "c-" + id, Name: "c", Status: api.Passing, ServiceID: id}}}
		}
		moved := at("s2", "moved", "10.0.0.1", 1)
		moved.Service.Origin = "s1"
		for _, c := range []struct {
			id      string
			on      map[string]*store.Register
			address string
			stays   []string // nodes that have it afterwards
		}{
			{"own", map[string]*store.Register{"s1": at("s1", "own", "10.0.0.1", 1), "s2": at("s2", "own", "10.0.0.1", 1)}, "10.0.0.1", []string{"s2"}},
			{"changed", map[string]*store.Register{"s1": at("s1", "changed", "10.0.0.1", 2)}, "10.0.0.1", []string{"s1"}},
			{"moved", map[string]*store.Register{"s2": moved}, "10.0.0.1", nil},
			{"equal", map[string]*store.Register{"s2": at("s2", "equal", "10.0.0.1", 1)}, "10.0.0.1", []string{"s2"}},
			{"other", map[string]*store.Register{"s2": at("s2", "other", "10.0.0.2", 1)}, "10.0.0.1", []string{"s2"}},
			{"bare", map[string]*store.Register{"s1": at("s1", "bare", "", 1), "s2": at("s2", "bare", "", 1)}, "", []string{"s2"}},
			{"theirs", map[string]*store.Register{"s2": at("s2", "theirs", "", 1)}, "", []string{"s2"}},
			{"gone", nil, "", nil},
		} {
			for _, cmd := range c.on {
				r.do(cmd)
			}
			require.NoError(t, r.DropService(context.Background(), c.id, "web", c.address, 1))
			var stays []string
			for _, n := range r.AgentNodes(r.State()) {
				if n.Instance(c.id) != nil {
					stays = append(stays, n.Node.Node)
				}
			}
			require.Equal(t, c.stays, stays, c.id)
		}
		_, k := r.FindCheck(r.State(), "c-changed")
		require.NotNil(t, k)
		require.NoError(t, r.DropCheck(context.Background(), "c-changed", ""))
		require.NoError(t, r.DropCheck(context.Background(), "c-theirs", "theirs"))
		for _, id := range []string{"c-changed", "c-theirs"} {
			_, k = r.FindCheck(r.State(), id)
			require.NotNil(t, k, id)
		}
		require.NoError(t, r.DropCheck(context.Background(), "c-changed", "changed"))
		_, k = r.FindCheck(r.State(), "c-changed")
		require.Nil(t, k)
	})
}
