package registry

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func runIDs(list []*api.CheckRun) (ids []string) {
	for _, c := range list {
		ids = append(ids, c.Node+"/"+c.CheckID)
	}
	return ids
}

func TestCheckRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		ctx := context.Background()
		require.NoError(t, r.RegisterService(ctx, &api.ServiceRegistration{Name: "web", Check: ttl(time.Minute)}, false))
		require.NoError(t, r.RegisterService(ctx, &api.ServiceRegistration{Name: "db", ID: "db-1", Checks: []*api.CheckRegistration{
			{CheckDefinition: api.CheckDefinition{TCP: "10.0.0.7:5432", Interval: api.Duration(time.Hour), Timeout: api.Duration(time.Second)}}}}, false))
		require.NoError(t, r.RegisterCheck(ctx, &api.CheckRegistration{Name: "disk", CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}}))
		r.do(&store.Register{Node: "ext", Address: "10.0.0.1", Checks: []*api.Check{
			{CheckID: "told", Name: "told from outside", Status: api.Passing},
			{CheckID: "udp", Name: "udp", Status: api.Critical, Definition: &api.CheckDefinition{UDP: "10.0.0.1:53", Interval: api.Duration(time.Hour)}}}})
		settle()
		start := time.Now()
		require.NoError(t, r.Heartbeat(ctx, "", "service:web", api.Passing, "fine"))
		time.Sleep(10 * time.Second)
		require.NoError(t, r.Heartbeat(ctx, "", "service:web", api.Passing, "fine, too"))
		time.Sleep(time.Second)

		list, silent := r.CheckRuns(ctx, r.State(), api.CheckRuns{})
		require.Empty(t, silent)
		require.Equal(t, []string{"ext/udp", "s1/disk", "s1/service:db-1", "s1/service:web"}, runIDs(list), "all that is run, and nothing else")
		web := list[3]
		want := &api.CheckRun{Node: "s1", CheckID: "service:web", Name: "Service 'web' check", ServiceID: "web", ServiceName: "web", Type: "ttl",
			TTL: "1m0s", Status: api.Passing, Output: "fine, too", Owner: "s1", Answered: true, Runs: 2,
			LastRun: start.Add(10 * time.Second).Round(0).UTC(), NextRun: start.Add(70 * time.Second).Round(0).UTC(), TTLLeft: api.Duration(59 * time.Second)}
		require.Equal(t, want, web, "with the output that the catalog hears of later")
		db := list[2]
		require.Equal(t, "10.0.0.7:5432 1h0m0s 1s tcp", db.Target+" "+db.Interval+" "+db.Timeout+" "+db.Type)
		require.Zero(t, db.LastRun)
		require.WithinRange(t, db.NextRun, start, start.Add(time.Hour))
		require.Zero(t, db.TTLLeft)

		for _, c := range []struct {
			which api.CheckRuns
			want  []string
		}{
			{api.CheckRuns{Node: "S1"}, []string{"s1/disk", "s1/service:db-1", "s1/service:web"}},
			{api.CheckRuns{Service: "Web"}, []string{"s1/service:web"}},
			{api.CheckRuns{Node: "s1", Service: "db"}, []string{"s1/service:db-1"}},
			{api.CheckRuns{Node: "nobody"}, nil},
			{api.CheckRuns{Service: "nothing"}, nil},
		} {
			list, _ := r.CheckRuns(ctx, r.State(), c.which)
			require.Equal(t, c.want, runIDs(list))
		}
	})
}

func TestCheckRunsOfOtherServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		r.addServer("s2", "id-2")
		const many = runsBatch + 5
		reg := &store.Register{Node: "s2", SkipNodeUpdate: true}
		for i := range many {
			reg.Checks = append(reg.Checks, &api.Check{CheckID: fmt.Sprintf("c-%04d", i), Name: "c", Status: api.Passing,
				Probe: &api.CheckDefinition{TTL: api.Duration(time.Hour)}})
		}
		r.do(reg)
		settle()
		r.cons.called = nil
		list, silent := r.CheckRuns(context.Background(), r.State(), api.CheckRuns{})
		require.Empty(t, silent)
		require.Len(t, list, many)
		require.Equal(t, []string{"id-2 runs", "id-2 runs"}, r.cons.called)
		for _, c := range list {
			require.Equal(t, "s2", c.Owner)
			require.False(t, c.Answered, "the fake cluster leads every call back here, where none is run")
		}
		list, _ = r.CheckRuns(context.Background(), r.State(), api.CheckRuns{Local: true})
		require.Empty(t, list)

		r.cons.Handle(runsKind, func(ctx context.Context, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		start := time.Now()
		list, silent = r.CheckRuns(context.Background(), r.State(), api.CheckRuns{})
		require.Equal(t, runsWait, time.Since(start))
		require.Equal(t, []string{"s2"}, silent)
		require.Len(t, list, many)
		require.False(t, list[0].Answered)
		for _, answer := range []string{"[]", "junk"} {
			r.cons.Handle(runsKind, func(context.Context, []byte) ([]byte, error) { return []byte(answer), nil })
			_, silent = r.CheckRuns(context.Background(), r.State(), api.CheckRuns{})
			require.Equal(t, []string{"s2"}, silent)
		}
		_, err := r.handleRuns(context.Background(), []byte("junk"))
		require.ErrorIs(t, err, api.Invalid)
	})
}

func TestServerFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beating(t)
		ctx := context.Background()
		require.NoError(t, r.RegisterService(ctx, &api.ServiceRegistration{Name: "web", Check: ttl(time.Minute)}, false))
		settle()
		r.Blocked(3)
		r.Blocked(-1)
		time.Sleep(time.Minute)
		f := r.Figures()
		require.Equal(t, "s1", f.Server)
		require.True(t, f.Leader)
		require.Equal(t, 2, f.Watchers)
		require.Equal(t, 1, f.Checks)
		require.Equal(t, r.State().Index(), f.Index)
		require.GreaterOrEqual(t, time.Duration(f.Uptime), time.Minute)
		require.Positive(t, f.Memory)

		r.addServer("s2", "id-2")
		r.cons.Handle(figuresKind, func(ctx context.Context, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		list := r.ServerFigures(ctx)
		require.Len(t, list, 2)
		require.Equal(t, "s1", list[0].Server)
		require.Equal(t, &api.ServerFigures{Server: "s2", ID: "id-2", Silent: true}, list[1])
	})
}

// TestCheckRunsSayWhenTheStatusCameAbout follows the history through
// registrations, changes and hand-overs.
func TestCheckRunsSayWhenTheStatusCameAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beatingWith(t, Config{History: store.HistoryLimits{Count: 1000, Age: time.Hour}})
		ctx := context.Background()
		r.addServer("s2", "id-2")
		begun := time.Now()
		second := func(n int) time.Time { return begun.Add(time.Duration(n) * time.Second).Round(0).UTC() }
		since := func(which api.CheckRuns, want map[string]time.Time) {
			t.Helper()
			list, _ := r.CheckRuns(ctx, r.State(), which)
			got := map[string]time.Time{}
			for _, c := range list {
				got[c.Node+"/"+c.CheckID] = c.Since
			}
			for id, at := range want {
				require.WithinDuration(t, at, got[id], time.Millisecond, id)
			}
			require.Len(t, got, len(want))
		}
		require.NoError(t, r.RegisterService(ctx, &api.ServiceRegistration{Name: "web", Check: ttl(time.Hour)}, false))
		require.NoError(t, r.RegisterService(ctx, &api.ServiceRegistration{Name: "db", Check: ttl(time.Hour)}, false))
		r.do(instance("s2", "far", "10.0.0.9"))
		r.do(instance("s2", "heard", "10.0.0.9"))
		settle()
		time.Sleep(time.Until(second(1)))
		require.NoError(t, r.RegisterCheck(ctx, &api.CheckRegistration{Name: "disk", CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}}))
		time.Sleep(time.Until(second(2)))
		require.NoError(t, r.Heartbeat(ctx, "", "service:web", api.Passing, ""))
		r.do(&store.UpdateChecks{From: "s2", Updates: []store.CheckUpdate{{Node: "s2", CheckID: "heard", Status: api.Passing}}})
		time.Sleep(time.Until(second(3)))
		require.NoError(t, r.Heartbeat(ctx, "", "service:web", api.Passing, "the same"))
		since(api.CheckRuns{}, map[string]time.Time{"s1/service:web": second(2), "s1/service:db": second(0), "s1/disk": second(1),
			"s2/far": second(0), "s2/heard": second(2)})
		r.do(&store.Liveness{Node: "s2", Output: "gone"})
		since(api.CheckRuns{}, map[string]time.Time{"s1/service:web": second(2), "s1/service:db": second(0), "s1/disk": second(1),
			"s1/far": second(0), "s1/heard": second(2)})
		since(api.CheckRuns{Service: "heard"}, map[string]time.Time{"s1/heard": second(2)})
		since(api.CheckRuns{Node: "s1", Service: "web"}, map[string]time.Time{"s1/service:web": second(2)})
	})
}
