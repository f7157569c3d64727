package registry

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func complete(t *testing.T, p api.CheckPolicy) *api.CheckPolicy {
	t.Helper()
	p.Kind = api.CheckPolicyKind
	require.NoError(t, p.Complete())
	return &p
}

// TestConfiguredPoliciesAreStoredOnce: what the cluster has stays.
func TestConfiguredPoliciesAreStoredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, web := complete(t, api.CheckPolicy{Name: "*", Damping: &api.CheckDamping{}}), complete(t, api.CheckPolicy{Name: "web", Guard: &api.CheckGuard{}})
		r := open(t, Config{Policies: []*api.CheckPolicy{all, web}})
		other, err := PolicyEntry(complete(t, api.CheckPolicy{Name: "web"}))
		require.NoError(t, err)
		_, err = r.SetConfigEntry(context.Background(), other, false)
		require.NoError(t, err)
		for range 2 {
			r.lead()
			synctest.Wait()
			require.Equal(t, `{"Damping":{"Changes":5,"Window":"1m0s","Hold":"30s","MaxHold":"10m0s"}}`, string(r.State().ConfigEntry(api.CheckPolicyKind, "*").Body))
			require.Equal(t, `{}`, string(r.State().ConfigEntry(api.CheckPolicyKind, "web").Body))
			r.depose()
			synctest.Wait()
		}
	})
}

func TestFlappingCheckIsHeldAndReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := beatingWith(t, Config{History: store.HistoryLimits{Count: 100, Age: time.Hour},
			Policies: []*api.CheckPolicy{complete(t, api.CheckPolicy{Name: "web", Damping: &api.CheckDamping{Changes: 3}})}})
		ctx := context.Background()
		require.NoError(t, r.RegisterService(ctx, &api.ServiceRegistration{Name: "web", Check: ttl(time.Hour)}, false))
		settle()
		beat := func(status string) {
			time.Sleep(time.Second)
			require.NoError(t, r.Heartbeat(ctx, "", "service:web", status, "is "+status))
		}
		for _, status := range []string{api.Passing, api.Critical, api.Passing} {
			beat(status)
			require.Equal(t, status, r.status("service:web"))
		}
		beat(api.Critical)
		beat(api.Passing)
		require.Equal(t, api.Critical, r.status("service:web"), "one too many")
		_, c := r.FindCheck(r.State(), "service:web")
		status, output := r.LatestOutput(c)
		require.Equal(t, api.Critical, status)
		require.True(t, strings.HasPrefix(output, "held critical until "), output)
		list, _ := r.CheckRuns(ctx, r.State(), api.CheckRuns{})
		require.Equal(t, "critical passing is passing 5", fmt.Sprint(list[0].Status, " ", list[0].Observed, " ", list[0].Output, " ", list[0].Changes))
		require.Equal(t, 29*time.Second, time.Until(list[0].HeldUntil))

		before := r.cons.proposals()
		for range 10 {
			beat(api.Passing)
		}
		require.Less(t, r.cons.proposals()-before, 3, "a heartbeat that says nothing new costs nothing")
		time.Sleep(19*time.Second - time.Millisecond)
		require.Equal(t, api.Critical, r.status("service:web"))
		// It has changed since the hold began, once, so it is held a second time.
		time.Sleep(60 * time.Second)
		require.Equal(t, api.Critical, r.status("service:web"))
		time.Sleep(time.Second)
		require.Equal(t, api.Passing, r.status("service:web"))
		require.Equal(t, []string{"released critical passing", "held critical critical", "held passing critical", "check critical passing"}, r.past("service:web", 4))
		list, _ = r.CheckRuns(ctx, r.State(), api.CheckRuns{})
		require.Less(t, time.Since(list[0].Since), 2*time.Second, "its status is as old as its release")
	})
}

// past returns the last events of a check, the newest first.
func (r *testRegistry) past(check string, n int) (list []string) {
	r.State().History(store.HistoryScope{}, func(e *api.HistoryEvent) bool {
		if e.CheckID == check {
			list = append(list, e.Kind+" "+e.From+" "+e.To)
		}
		return len(list) < n
	})
	return list
}

// lines is a log that tests read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), part)
}

func TestMassFailureIsGuarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &lines{}
		r := beatingWith(t, Config{Logger: slog.New(slog.NewTextHandler(log, nil)),
			Policies: []*api.CheckPolicy{complete(t, api.CheckPolicy{Name: "web", Guard: &api.CheckGuard{Share: 0.4, Hold: api.Duration(time.Minute)}})}})
		ctx := context.Background()
		for i := range 10 {
			id := fmt.Sprint("w", i)
			require.NoError(t, r.RegisterService(ctx, &api.ServiceRegistration{Name: "web", ID: id, Check: &api.CheckRegistration{CheckID: id, Status: api.Passing,
				CheckDefinition: api.CheckDefinition{TTL: api.Duration(20 * time.Second)}}}, false))
		}
		time.Sleep(10 * time.Second)
		require.NoError(t, r.Heartbeat(ctx, "", "w0", api.Passing, ""))
		time.Sleep(11 * time.Second) // nine TTLs are over
		synctest.Wait()
		passing := func() (n int) {
			v, _ := r.State().Service("web")
			for _, i := range v.Instances {
				if i.Status == api.Passing {
					n++
				}
			}
			return n
		}
		require.Equal(t, 6, passing(), "four of ten is as much as it may be")
		guarded := 0
		list, _ := r.CheckRuns(ctx, r.State(), api.CheckRuns{Service: "web"})
		for _, c := range list {
			if !c.GuardedUntil.IsZero() {
				require.Equal(t, "passing critical", c.Status+" "+c.Observed)
				guarded++
			}
		}
		require.Equal(t, 5, guarded)
		require.Equal(t, 1, log.count("too many instances of a service fail at once"))
		require.NoError(t, r.Heartbeat(ctx, "", "w0", api.Passing, ""))

		// One comes back, the others are what they are when the guard is over.
		var back string
		v, _ := r.State().Service("web")
		for _, i := range v.Instances {
			if seen, _ := store.Seen(i.OwnChecks[0]); seen == api.Critical && i.Status == api.Passing {
				back = i.Service.ID
			}
		}
		for range 4 {
			require.NoError(t, r.Heartbeat(ctx, "", back, api.Passing, ""))
			require.NoError(t, r.Heartbeat(ctx, "", "w0", api.Passing, ""))
			time.Sleep(15 * time.Second)
		}
		synctest.Wait()
		require.Equal(t, 2, passing())
		require.Equal(t, 1, log.count("no instance of a service is guarded any more"))
	})
}
