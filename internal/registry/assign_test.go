package registry

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// assigned returns a leading registry at rest whose runner is recorded.
func assigned(t *testing.T) (*testRegistry, *recorder) {
	t.Helper()
	p := newRecorder()
	r := openWith(t, Config{}, func(*Registry) Heartbeats { return p })
	r.lead()
	for r.OwnNode(r.State()) == nil {
		settle()
	}
	settle()
	return r, p
}

func ids(list ...string) map[string]bool {
	m := map[string]bool{}
	for _, id := range list {
		m[id] = true
	}
	return m
}

// The lists of checks are ordered without regard to case, and a check that is
// spelled anew is the same one under another name.
func TestChecksInOtherSpellingsAreRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := assigned(t)
		for _, id := range []string{"a", "B", "c"} {
			r.do(instance("s1", id, ""))
		}
		settle()
		got, _ := p.runs()
		require.Equal(t, ids("a", "B", "c"), got)
		r.do(&store.Deregister{Node: "s1", ServiceID: "A"})
		settle()
		got, _ = p.runs()
		require.Equal(t, ids("B", "c"), got)
		r.do(instance("s1", "C", ""))
		settle()
		got, _ = p.runs()
		require.Equal(t, ids("B", "C"), got)
	})
}

func TestChecksOfThisServerAreRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := assigned(t)
		r.do(instance("s1", "a", ""))
		r.do(instance("s1", "b", ""))
		r.do(&store.Register{Node: "s1", SkipNodeUpdate: true, Checks: []*api.Check{{CheckID: "said", Name: "said", Status: api.Passing}}})
		settle()
		got, calls := p.runs()
		require.Equal(t, ids("a", "b"), got, "a check that nobody can run is left alone")

		r.do(instance("s1", "a", ""))
		settle()
		_, again := p.runs()
		require.Equal(t, calls, again, "registering the same changes nothing")

		other := instance("s1", "a", "")
		other.Checks[0].Probe = &api.CheckDefinition{TTL: api.Duration(time.Hour)}
		r.do(other)
		r.do(&store.Deregister{Node: "s1", ServiceID: "b"})
		settle()
		got, _ = p.runs()
		require.Equal(t, ids("a"), got)
		require.EqualValues(t, time.Hour, p.check("s1", "a").Probe.TTL)
		r.do(&store.Deregister{Node: "s1", ServiceID: "a"})
		settle()
		got, _ = p.runs()
		require.Empty(t, got, "the node has no checks any more")
	})
}

func TestChecksOfALivingServerAreItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := assigned(t)
		r.addServer("s2", "id-2")
		r.do(instance("s2", "free", "10.0.0.9"))
		r.do(instance("s2", "bound", ""))
		r.do(instance("s1", "mine", ""))
		settle()
		got, _ := p.runs()
		require.Equal(t, ids("mine"), got)

		r.do(&store.Liveness{Node: "s2"})
		settle()
		got, _ = p.runs()
		require.True(t, got["free"], "an instance with an address of its own has moved here")
		require.True(t, got["mine"])
		n, i := r.FindService(r.State(), "free")
		require.NotNil(t, i)
		require.Equal(t, "s1", n.Node.Node)

		r.do(&store.Liveness{Node: "s2", Alive: true})
		settle()
		got, _ = p.runs()
		require.True(t, got["free"], "the server that is back drops nothing and takes nothing")
		require.False(t, got["bound"], "what stayed with it is its own again")
	})
}

// TestChecksOfOtherNodesAreShared puts a hundred checks on a node that is no
// server: each is run by exactly one of the living.
func TestChecksOfOtherNodesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := assigned(t)
		r.addServer("s2", "id-2")
		r.addServer("s3", "id-3")
		host := &store.Register{Node: "host", Address: "10.0.0.1", Datacenter: "dc1"}
		for i := range 100 {
			id := fmt.Sprint("c", i)
			host.Checks = append(host.Checks, &api.Check{CheckID: id, Name: id, Status: api.Critical, Definition: &api.CheckDefinition{TCP: "10.0.0.1:80", Interval: api.Duration(time.Minute)}})
		}
		r.do(host)
		settle()
		v, _ := r.State().Node("host")
		want := ids()
		for _, c := range v.Checks {
			if r.State().Owner(v, c) == "s1" {
				want[c.CheckID] = true
			}
		}
		first, _ := p.runs()
		require.Equal(t, want, first)
		require.Greater(t, len(first), 10)
		require.Less(t, len(first), 70)

		r.do(&store.Liveness{Node: "s2"})
		settle()
		second, _ := p.runs()
		require.Greater(t, len(second), len(first))
		for id := range first {
			require.True(t, second[id], "%s moved although its server lives", id)
		}
		r.do(&store.Liveness{Node: "s3"})
		settle()
		all, _ := p.runs()
		require.Len(t, all, 100)

		r.do(&store.Deregister{Node: "host"})
		settle()
		none, _ := p.runs()
		require.Empty(t, none)
	})
}

func TestAnOlderStateIsNotLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := assigned(t)
		r.do(instance("s1", "a", ""))
		old := r.State()
		r.do(&store.Deregister{Node: "s1", ServiceID: "a"})
		settle()
		r.assign.reconcile(old)
		got, _ := p.runs()
		require.Empty(t, got)
	})
}

// TestDroppedResultsAreToldAgain: a result arrives while this server is held
// for dead, and it is alive again before it has looked. What the runner takes
// for stored was not, so it is told of the check once more.
func TestDroppedResultsAreToldAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := assigned(t)
		r.do(instance("s1", "a", ""))
		r.do(instance("s1", "b", ""))
		settle()
		_, before := p.runs()
		r.do(&store.Liveness{Node: "s1"})
		r.Emit([]checks.Transition{{ID: checks.ID{Node: "s1", CheckID: "a"}, Status: api.Passing}})
		r.do(&store.Liveness{Node: "s1", Alive: true})
		p.forget()
		settle()
		got, after := p.runs()
		require.Greater(t, after, before)
		require.Equal(t, ids("a"), got)
		require.Equal(t, api.Critical, p.check("s1", "a").Status)
		settle()
		_, later := p.runs()
		require.Equal(t, after, later, "once is enough")
	})
}

// TestOwnScriptsComeBackWithTheirServer: nobody else runs them meanwhile.
func TestOwnScriptsComeBackWithTheirServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, p := assigned(t)
		r.addServer("s2", "id-2")
		for _, node := range []string{"s1", "s2"} {
			c := instance(node, node, "10.0.0.9")
			c.Checks[0].Probe = &api.CheckDefinition{Args: []string{"true"}, Interval: api.Duration(time.Second)}
			r.do(c)
		}
		settle()
		for range 2 {
			got, _ := p.runs()
			require.Equal(t, ids("s1"), got)
			r.do(&store.Liveness{Node: "s2"})
			settle()
			got, _ = p.runs()
			require.Equal(t, ids("s1"), got)
			r.do(&store.Liveness{Node: "s1"})
			settle()
			got, _ = p.runs()
			require.Empty(t, got)
			r.do(&store.Liveness{Node: "s1", Alive: true})
			settle()
			require.Equal(t, api.Critical, p.check("s1", "s1").Status)
		}
	})
}
