package registry

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func TestLivenessIsWrittenIntoTheCatalog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		r.addServer("s2", "id-2")
		status := func() string {
			synctest.Wait()
			v, _ := r.State().Node("s2")
			return v.Check(api.SerfHealth).Status + " " + v.Check(api.SerfHealth).Output
		}
		r.alive <- raft.Liveness{Context: context.Background(), ID: "id-2"}
		require.Equal(t, "critical "+serfFailed, status())
		before := r.cons.proposals()
		r.alive <- raft.Liveness{Context: context.Background(), ID: "id-2"}
		r.alive <- raft.Liveness{Context: context.Background(), ID: "unheard of"}
		require.Equal(t, "critical "+serfFailed, status())
		require.Equal(t, before, r.cons.proposals(), "what is known is not written again")
		r.alive <- raft.Liveness{Context: context.Background(), ID: "id-2", Alive: true}
		require.Equal(t, "passing "+serfAlive, status())

		over, end := context.WithCancel(context.Background())
		end()
		r.alive <- raft.Liveness{Context: over, ID: "id-2"}
		require.Equal(t, "passing "+serfAlive, status(), "what was true in a term that is over may be wrong by now")
	})
}

// TestFormerServersLeaveTheCatalog removes a server from raft: the leader takes
// it out of the catalog, and what can live on moves first.
func TestFormerServersLeaveTheCatalog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		r.addServer("s2", "id-2")
		r.do(instance("s2", "free", "10.0.0.9"))
		r.do(&store.Register{Node: "foreign", Address: "10.0.0.8", Service: &api.Service{ID: store.ServerService, Service: store.ServerService}})
		time.Sleep(2 * reconcileEvery)
		v, _ := r.State().Node("s2")
		require.NotNil(t, v, "raft knows it")

		r.cons.mu.Lock()
		r.cons.servers = nil
		r.cons.mu.Unlock()
		time.Sleep(reconcileEvery)
		synctest.Wait()
		v, _ = r.State().Node("s2")
		require.Nil(t, v)
		v, _ = r.State().Node("foreign")
		require.NotNil(t, v, "somebody else may call a service as the servers' is")
		n, _ := r.FindService(r.State(), "free")
		require.Equal(t, "s1", n.Node.Node)
		require.NotNil(t, r.OwnNode(r.State()))
	})
}

// What is bound to a server that failed is there when it comes back, until its
// time is over or it is told to leave; what is bound to one that leaves is not.
func TestWhatWaitsForAFailedServer(t *testing.T) {
	for _, c := range []struct {
		name    string
		fails   bool
		then    func(context.Context, *testRegistry) error
		waits   bool
		members map[string]int
	}{
		{"it leaves", false, nil, false, map[string]int{"s1": api.MemberAlive, "s2": api.MemberLeft}},
		{"autopilot removes it", true, nil, true, map[string]int{"s1": api.MemberAlive, "s2": api.MemberLeft}},
		{"and it is back", true, func(_ context.Context, r *testRegistry) error { r.addServer("s2", "id-2"); return nil }, true,
			map[string]int{"s1": api.MemberAlive, "s2": api.MemberAlive}},
		{"and it is told to leave", true, func(ctx context.Context, r *testRegistry) error { return r.ForceLeave(ctx, "s2", false) }, false,
			map[string]int{"s1": api.MemberAlive, "s2": api.MemberLeft}},
		{"and it is pruned", true, func(ctx context.Context, r *testRegistry) error { return r.ForceLeave(ctx, "s2", true) }, false, map[string]int{"s1": api.MemberAlive}},
		{"and its time is over", true, func(context.Context, *testRegistry) error { time.Sleep(leftFor); return nil }, false, map[string]int{"s1": api.MemberAlive}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := started(t)
				ctx := context.Background()
				r.addServer("s2", "id-2")
				r.do(instance("s2", "bound", ""))
				r.alive <- raft.Liveness{Context: context.Background(), ID: "id-2", Alive: !c.fails}
				synctest.Wait()
				r.cons.drop("id-2")
				time.Sleep(reconcileEvery)
				synctest.Wait()
				require.Len(t, r.State().ServerNodes(), 1)
				if c.then != nil {
					require.NoError(t, c.then(ctx, r))
				}
				time.Sleep(2 * reconcileEvery)
				synctest.Wait()
				v, _ := r.State().Node("s2")
				n, _ := r.FindService(r.State(), "bound")
				require.Equal(t, c.waits, v != nil)
				require.Equal(t, c.waits, n != nil)
				list, err := r.Members(ctx)
				require.NoError(t, err)
				members := map[string]int{}
				for _, m := range list {
					members[m.Name] = m.Status
				}
				require.Equal(t, c.members, members)
			})
		})
	}
}

// A failed server that is told to leave takes what is bound to it along.
func TestForceLeaveOfAFailedServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		r.addServer("s2", "id-2")
		r.do(instance("s2", "bound", ""))
		r.alive <- raft.Liveness{Context: context.Background(), ID: "id-2"}
		synctest.Wait()
		require.NoError(t, r.ForceLeave(context.Background(), "s2", false))
		v, _ := r.State().Node("s2")
		require.Nil(t, v)
		require.Len(t, r.State().FormerServers(), 1)
	})
}

// Who left is a member that did, for three days or until it is forgotten or
// comes back.
func TestServersThatLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		ctx := context.Background()
		tick := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		status := func() map[string]int {
			t.Helper()
			list, err := r.Members(ctx)
			require.NoError(t, err)
			have := map[string]int{}
			for _, m := range list {
				have[m.Name] = m.Status
			}
			require.Len(t, have, len(list))
			return have
		}
		for _, n := range []string{"2", "3", "4"} {
			r.addServer("s"+n, "id-"+n)
		}
		r.cons.drop("id-2", "id-3")
		tick(reconcileEvery)
		require.Equal(t, map[string]int{"s1": api.MemberAlive, "s2": api.MemberLeft, "s3": api.MemberLeft, "s4": api.MemberAlive}, status())
		list, err := r.Members(ctx)
		require.NoError(t, err)
		require.Equal(t, "127.0.0.2 8300", fmt.Sprint(list[1].Addr, " ", list[1].Port))
		require.Equal(t, "id-2", list[1].Tags["id"])
		require.Equal(t, "consul", list[1].Tags["role"])

		// One with its name comes: it is that one now.
		r.addServer("s2", "id-22")
		require.Equal(t, api.MemberAlive, status()["s2"])
		tick(reconcileEvery)
		require.Len(t, r.State().FormerServers(), 1)

		require.NoError(t, r.ForceLeave(ctx, "s3", false))
		require.Equal(t, api.MemberLeft, status()["s3"], "it has left already")
		require.NoError(t, r.ForceLeave(ctx, "s3", true))
		require.NotContains(t, status(), "s3")

		r.alive <- raft.Liveness{Context: context.Background(), ID: "id-4"}
		synctest.Wait()
		require.Equal(t, api.MemberFailed, status()["s4"])
		require.NoError(t, r.ForceLeave(ctx, "s4", true))
		tick(2 * reconcileEvery)
		require.NotContains(t, status(), "s4", "pruned at once")

		r.cons.drop("id-22")
		tick(reconcileEvery)
		tick(leftFor - 2*reconcileEvery)
		require.Equal(t, api.MemberLeft, status()["s2"])
		tick(2 * reconcileEvery)
		require.Equal(t, map[string]int{"s1": api.MemberAlive}, status())
	})
}

func TestMembersAsClientsKnowThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		ctx := context.Background()
		r.cons.join(raft.ServerInfo{ID: "id-3", Name: "s3", Address: "127.0.0.3:8300", Voter: true, Meta: map[string]string{"build": "1"}})
		r.cons.join(raft.ServerInfo{ID: "id-0", Address: "127.0.0.9:8300", Voter: true})
		r.addServer("s2", "id-2")
		r.alive <- raft.Liveness{Context: context.Background(), ID: "id-2"}
		synctest.Wait()
		list, err := r.Members(ctx)
		require.NoError(t, err)
		var got []string
		for _, m := range list {
			got = append(got, m.Name)
		}
		require.Equal(t, []string{"id-0", "s1", "s2", "s3"}, got, "in order; one that nobody named goes by its ID")
		s2, s3 := list[2], list[3]
		require.Equal(t, api.MemberFailed, s2.Status)
		require.Equal(t, "1", s2.Tags["nonvoter"])
		require.Equal(t, api.MemberAlive, s3.Status)
		require.Equal(t, "127.0.0.3", s3.Addr)
		require.EqualValues(t, 8300, s3.Port)
		for k, v := range map[string]string{"role": "consul", "dc": "dc1", "id": "id-3", "port": "8300", "build": "1"} {
			require.Equal(t, v, s3.Tags[k], k)
		}
		require.NotContains(t, s3.Tags, "nonvoter")

		require.NoError(t, r.ForceLeave(ctx, "s3", false))
		require.Empty(t, r.cons.removed, "a member that lives is not removed")
		require.NoError(t, r.ForceLeave(ctx, "s2", false))
		require.Equal(t, []string{"id-2"}, r.cons.removed)
		require.ErrorIs(t, r.ForceLeave(ctx, "nobody", false), api.Refused)
	})
}
