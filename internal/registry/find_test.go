package registry

import (
	"context"
	"testing"
	"testing/synctest"

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

// TestWhatIsNotFoundIsLookedForInAFreshState counts how often the leader is
// asked: only when the state at hand does not have it.
func TestWhatIsNotFoundIsLookedForInAFreshState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := assigned(t)
		r.do(instance("s1", "a", ""))
		before := r.cons.asked()
		_, i, err := findNow(context.Background(), r.Registry, r.FindService, "a")
		require.NoError(t, err)
		require.NotNil(t, i)
		require.Equal(t, before, r.cons.asked())
		_, i, err = findNow(context.Background(), r.Registry, r.FindService, "b")
		require.NoError(t, err)
		require.Nil(t, i)
		require.Equal(t, before+1, r.cons.asked())
		r.depose()
		_, _, err = findNow(context.Background(), r.Registry, r.FindService, "b")
		require.ErrorIs(t, err, api.NoLeader, "that it is not there cannot be known")
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
