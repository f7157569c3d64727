package checks

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestReconcileKeepsWhatIsTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: rec.emit})
		r.Reconcile([]*api.Check{ttlCheck("a", 10*time.Second, api.Passing)}, nil)
		time.Sleep(6 * time.Second)
		r.Reconcile([]*api.Check{ttlCheck("a", 10*time.Second, api.Passing)}, []ID{named("nobody")})
		require.Equal(t, 1, r.Running())
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Len(t, rec.take(), 1, "the TTL went on")
	})
}

func TestReconcileRestartsWhatIsDefinedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: rec.emit})
		r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Critical)}, nil)
		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "fine", ""))
		synctest.Wait()
		rec.take()

		shorter := ttlCheck("a", 10*time.Second, api.Passing)
		shorter.Output = "fine"
		r.Reconcile([]*api.Check{shorter}, nil)
		status, output, _ := r.Snapshot(named("a"))
		require.Equal(t, "passing fine", status+" "+output)
		time.Sleep(10*time.Second - time.Millisecond)
		synctest.Wait()
		require.Empty(t, rec.take())
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		require.Len(t, rec.take(), 1, "a shorter TTL counts from now")
	})
}

func TestReconcileChangesTheKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		var runs atomic.Int32
		r := newRunner(t, Config{Emit: rec.emit, HTTPTransport: peer(func(req *http.Request) (int, string, error) {
			runs.Add(1)
			return 200, "", sleepy(req, 5*time.Second)
		})})
		r.Reconcile([]*api.Check{httpCheck("a", time.Second)}, nil)
		time.Sleep(2 * time.Second) // a run is under way
		r.Reconcile([]*api.Check{ttlCheck("a", time.Minute, api.Critical)}, nil)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		require.Equal(t, int32(1), runs.Load())
		require.Empty(t, rec.take(), "the result of the old definition is void")
		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "", ""))
	})
}

func TestReconcileLeavesAloneWhatCannotBeRun(t *testing.T) {
	interval := api.Duration(time.Second)
	for name, c := range map[string]*api.Check{
		"no definition":    {},
		"empty definition": {Definition: &api.CheckDefinition{}},
		"interval only":    {Definition: &api.CheckDefinition{Interval: interval}},
		"two kinds":        {Probe: &api.CheckDefinition{HTTP: "http://x", TCP: "x:1", Interval: interval}},
		"no interval":      {Probe: &api.CheckDefinition{TCP: "x:1"}},
		"a command that came by way of the catalog": {
			Definition: &api.CheckDefinition{Args: []string{"/bin/true"}, Interval: interval}},
	} {
		t.Run(name, func(t *testing.T) {
			c.Node, c.CheckID, c.Status = "n", "a", api.Passing
			r := newRunner(t, Config{EnableScripts: true})
			r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Passing)}, nil)
			require.Equal(t, 1, r.Running())
			r.Reconcile([]*api.Check{c}, nil)
			require.Zero(t, r.Running())
		})
	}
	t.Run("a definition of the catalog that can be", func(t *testing.T) {
		r := newRunner(t, Config{})
		c := httpCheck("a", time.Hour)
		c.Definition, c.Probe = c.Probe, nil
		r.Reconcile([]*api.Check{c}, nil)
		require.Equal(t, 1, r.Running())
	})
}

func TestReconcileSendsAgainWhatTheCatalogLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: rec.emit})
		r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Critical)}, nil)
		r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Warning)}, nil)
		synctest.Wait()
		require.Empty(t, rec.take(), "nothing was reported here, so the catalog is right")
		status, _, _ := r.Snapshot(named("a"))
		require.Equal(t, api.Warning, status)

		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "fine", ""))
		synctest.Wait()
		require.Equal(t, []string{"passing: fine"}, rec.said())
		r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Critical)}, nil)
		synctest.Wait()
		require.Equal(t, []string{"passing: fine"}, rec.said())
	})
}

func TestNothingIsEmittedAfterRemoval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		entered, release, removed := make(chan struct{}, 8), make(chan struct{}), make(chan struct{})
		r := newRunner(t, Config{Emit: func(b []Transition) {
			entered <- struct{}{}
			<-release
			rec.emit(b)
		}})
		r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Critical), ttlCheck("b", time.Hour, api.Critical)}, nil)
		require.NoError(t, r.Heartbeat(named("a"), api.Passing, "", ""))
		<-entered
		require.NoError(t, r.Heartbeat(named("a"), api.Warning, "", ""))
		go func() {
			r.Reconcile(nil, []ID{named("a")})
			close(removed)
		}()
		synctest.Wait()
		select {
		case <-removed:
			t.Fatal("removed while Emit still had it in hand")
		default:
		}
		release <- struct{}{}
		<-removed
		close(release)
		synctest.Wait()
		require.Equal(t, []string{"passing"}, rec.said())
		require.Equal(t, 1, r.Running())
		requireKind(t, api.NotFound, r.Heartbeat(named("a"), api.Passing, "", ""))
	})
}

func TestRemovalEndsTheProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		var ended atomic.Bool
		r := newRunner(t, Config{Emit: rec.emit, HTTPTransport: peer(func(req *http.Request) (int, string, error) {
			defer ended.Store(true)
			return 200, "", sleepy(req, 5*time.Second)
		})})
		r.Reconcile([]*api.Check{httpCheck("a", time.Second)}, nil)
		time.Sleep(time.Second)
		r.Reconcile(nil, []ID{named("a")})
		synctest.Wait()
		require.True(t, ended.Load())
		time.Sleep(time.Minute)
		require.Empty(t, rec.take())
	})
}

// TestFirstCriticalIsSentAtOnce: a check that was registered as critical and is
// found so is no news, save where its service goes some time after.
func TestFirstCriticalIsSentAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		r := newRunner(t, Config{Emit: rec.emit})
		with := func(id, service string, after time.Duration, since int64) *api.Check {
			c := ttlCheck(id, time.Hour, api.Critical)
			c.ServiceID = service
			c.Probe.DeregisterCriticalServiceAfter = api.Duration(after)
			if since != 0 {
				c.Verdict = &api.CheckVerdict{CriticalSince: since}
			}
			return c
		}
		told := func(id string) (n int) {
			require.NoError(t, r.Heartbeat(named(id), api.Critical, "", ""))
			synctest.Wait()
			return len(rec.take())
		}
		r.Reconcile([]*api.Check{with("plain", "s", 0, 0), with("node", "", time.Minute, 0), with("known", "s", time.Minute, 1), with("new", "s", time.Minute, 0)}, nil)
		require.Zero(t, told("plain"))
		require.Zero(t, told("node"), "there is no service to go")
		require.Zero(t, told("known"), "the catalog counts already")
		require.Equal(t, 1, told("new"))
		require.Zero(t, told("new"), "once is enough")

		// The catalog has not counted it after all, or has begun anew.
		r.Reconcile([]*api.Check{with("new", "s", time.Minute, 0)}, nil)
		synctest.Wait()
		require.Len(t, rec.take(), 1)
		r.Reconcile([]*api.Check{with("new", "s", time.Minute, 5)}, nil)
		synctest.Wait()
		require.Empty(t, rec.take())
		require.NoError(t, r.Heartbeat(named("new"), api.Passing, "", ""))
		synctest.Wait()
		require.Len(t, rec.take(), 1)
		require.Equal(t, 1, told("new"))
	})
}

func TestAliasFollowsWhatItStandsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		type answer struct{ status, output string }
		answers := make(chan answer)
		var mu sync.Mutex
		var asked []string
		r := newRunner(t, Config{Emit: rec.emit, AliasStatus: func(ctx context.Context, of Alias, prev uint64) (string, string, uint64) {
			mu.Lock()
			asked = append(asked, of.Of.Node+"/"+of.Node+"/"+of.Service)
			mu.Unlock()
			select {
			case a := <-answers:
				return a.status, a.output, prev + 1
			case <-ctx.Done():
				return "", "", 0
			}
		}})
		c := &api.Check{Node: "n", CheckID: "a", Status: api.Critical, Probe: &api.CheckDefinition{AliasService: "db"}}
		r.Reconcile([]*api.Check{c}, nil)
		for _, a := range []answer{{api.Passing, "All checks passing."}, {api.Critical, "no"}} {
			answers <- a
			synctest.Wait()
			require.Equal(t, []string{a.status + ": " + a.output}, rec.said())
		}
		mu.Lock()
		require.Equal(t, []string{"n//db", "n//db", "n//db"}, asked)
		mu.Unlock()
		requireKind(t, api.Refused, r.Heartbeat(named("a"), api.Passing, "", ""))

		r.Reconcile([]*api.Check{{Node: "n", CheckID: "a", Status: api.Critical, Output: "no",
			Probe: &api.CheckDefinition{AliasNode: "m"}}}, nil)
		answers <- answer{api.Passing, "well"}
		synctest.Wait()
		require.Equal(t, []string{"passing: well"}, rec.said())
		mu.Lock()
		require.Equal(t, "n/m/", asked[len(asked)-1])
		mu.Unlock()
		r.Reconcile(nil, []ID{named("a")})
	})
}

func TestAliasDoesNotSpin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		r := newRunner(t, Config{AliasStatus: func(context.Context, Alias, uint64) (string, string, uint64) {
			asked.Add(1)
			return api.Passing, "", 0
		}})
		r.Reconcile([]*api.Check{{Node: "n", CheckID: "a", Probe: &api.CheckDefinition{AliasService: "db"}}}, nil)
		time.Sleep(10*time.Second - time.Millisecond)
		synctest.Wait()
		require.Equal(t, int32(10), asked.Load())
	})
}

func TestWorst(t *testing.T) {
	pass, warn := &api.Check{Name: "p", Status: api.Passing}, &api.Check{Name: "w", Status: api.Warning, Output: "slow"}
	crit, next := &api.Check{Name: "c", Status: api.Critical, Output: "down"}, &api.Check{Name: "d", Status: api.Critical}
	for _, c := range []struct {
		checks         []*api.Check
		status, output string
	}{
		{nil, api.Passing, "No checks found."},
		{[]*api.Check{pass, pass}, api.Passing, "All checks passing."},
		{[]*api.Check{pass, warn, pass}, api.Warning, `Aliased check "w" failing: slow`},
		{[]*api.Check{warn, crit, next, pass}, api.Critical, `Aliased check "c" failing: down`},
	} {
		status, output := Worst(c.checks)
		require.Equal(t, c.status, status)
		require.Equal(t, c.output, output)
	}
}

// TestOwnVoteIsWhatCounts: where several servers run a check, the catalog shows
// what most of them see. That is no reason to say again what one has said.
func TestOwnVoteIsWhatCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rec recorder
		var code atomic.Int32
		code.Store(500)
		r := newRunner(t, Config{Server: "S1", Emit: rec.emit, HTTPTransport: peer(func(*http.Request) (int, string, error) { return int(code.Load()), "", nil })})
		seen := func(status, output string, votes ...api.CheckVote) *api.Check {
			c := httpCheck("a", 10*time.Second)
			c.Probe.Observers = 3
			c.Status, c.Output = status, output
			if votes != nil {
				c.Verdict = &api.CheckVerdict{Votes: votes}
			}
			return c
		}
		other, own := api.CheckVote{Server: "s2", Status: api.Passing}, api.CheckVote{Server: "s1", Status: api.Critical}
		r.Reconcile([]*api.Check{seen(api.Critical, "")}, nil)
		synctest.Wait()
		require.Empty(t, rec.take(), "no vote before the first run")
		r.Reconcile([]*api.Check{seen(api.Passing, "by s2", other)}, nil)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Len(t, rec.said(), 1)
		r.Reconcile([]*api.Check{seen(api.Passing, "by s2", own, other)}, nil)
		time.Sleep(DefaultOutputInterval)
		synctest.Wait()
		require.Empty(t, rec.said(), "its vote is there, and its output was told")
		r.Reconcile([]*api.Check{seen(api.Passing, "by s2", other)}, nil)
		synctest.Wait()
		require.Len(t, rec.said(), 1, "its vote was lost")

		// Another definition is not voted on before it was run.
		anew := seen(api.Passing, "by s2")
		anew.Probe.HTTP += "x"
		r.Reconcile([]*api.Check{anew}, nil)
		synctest.Wait()
		require.Empty(t, rec.said())
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Len(t, rec.said(), 1)
	})
}
