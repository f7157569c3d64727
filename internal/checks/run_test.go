package checks

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestRunSaysWhenACheckRan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner(t, Config{HTTPTransport: peer(func(req *http.Request) (int, string, error) {
			return 200, "hello", sleepy(req, 250*time.Millisecond)
		})})
		r.Reconcile([]*api.Check{httpCheck("a", 10*time.Second)}, nil)
		run, ok := r.Run(named("a"))
		require.True(t, ok)
		first := run.Next
		require.WithinRange(t, first, time.Now(), time.Now().Add(10*time.Second))
		run.Next = time.Time{}
		require.Equal(t, Run{ID: named("a"), Status: api.Critical}, run, "it has not run yet")

		time.Sleep(time.Until(first) + time.Millisecond)
		synctest.Wait()
		run, _ = r.Run(named("a"))
		require.Equal(t, Run{ID: named("a"), Status: api.Critical, State: RunProbes, Next: first.Add(10 * time.Second)}, run)

		time.Sleep(time.Second)
		synctest.Wait()
		run, _ = r.Run(named("a"))
		require.Contains(t, run.Output, "hello")
		run.Output = ""
		want := Run{ID: named("a"), Status: api.Passing, Last: first, Took: 250 * time.Millisecond, Runs: 1, Next: first.Add(10 * time.Second)}
		require.Equal(t, want, run)
		var all []Run
		r.Runs(func(run Run) {
			run.Output = ""
			all = append(all, run)
		})
		require.Equal(t, []Run{want}, all)

		_, ok = r.Run(named("nobody"))
		require.False(t, ok)
	})
}

func TestRunOfHeartbeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner(t, Config{})
		r.Reconcile([]*api.Check{ttlCheck("a", time.Minute, api.Passing)}, nil)
		start := time.Now().Round(0)
		run, _ := r.Run(named("a"))
		require.Equal(t, Run{ID: named("a"), Status: api.Passing, Next: start.Add(time.Minute)}, run)
		time.Sleep(10 * time.Second)
		require.NoError(t, r.Heartbeat(named("a"), api.Warning, "so so", ""))
		run, _ = r.Run(named("a"))
		require.Equal(t, Run{ID: named("a"), Status: api.Warning, Output: "so so", Last: start.Add(10 * time.Second), Runs: 1,
			Next: start.Add(70 * time.Second)}, run)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		run, _ = r.Run(named("a"))
		require.Equal(t, api.Critical, run.Status)
		require.Zero(t, run.Next, "the TTL has ended")

		r.Reconcile([]*api.Check{ttlCheck("a", time.Hour, api.Critical)}, nil)
		run, _ = r.Run(named("a"))
		require.Zero(t, run.Runs, "it is defined anew")
		require.Zero(t, run.Last)
	})
}

func TestRunsOfMany(t *testing.T) {
	r := newRunner(t, Config{})
	cs := crowd("h", 3*runsAtOnce+5, time.Hour, time.Second)
	r.Reconcile(cs, nil)
	seen := map[ID]int{}
	r.Runs(func(run Run) {
		seen[run.ID]++
		r.Running() // the lock is not held
	})
	require.Len(t, seen, len(cs))
}

func TestTargetAndHost(t *testing.T) {
	for _, c := range []struct {
		def          api.CheckDefinition
		target, host string
	}{
		{api.CheckDefinition{HTTP: "http://web.example:80/health?x=a/b"}, "http://web.example:80/health?x=a/b", "web.example"},
		{api.CheckDefinition{HTTP: "https://me:secret@10.0.0.1/health@home"}, "https://me:xxxxx@10.0.0.1/health@home", "10.0.0.1"},
		{api.CheckDefinition{HTTP: "http://[fe80::1%25eth0]:8080?q"}, "http://[fe80::1%25eth0]:8080?q", "fe80::1%25eth0"},
		{api.CheckDefinition{HTTP: "http://[::1]#x"}, "http://[::1]#x", "[::1]"},
		{api.CheckDefinition{HTTP: "nonsense"}, "nonsense", "nonsense"},
		{api.CheckDefinition{TCP: "db:5432"}, "db:5432", "db"},
		{api.CheckDefinition{UDP: "[::1]:53"}, "[::1]:53", "::1"},
		{api.CheckDefinition{GRPC: "api:50051/my.Service"}, "api:50051/my.Service", "api"},
		{api.CheckDefinition{H2PING: "api:443"}, "api:443", "api"},
		{api.CheckDefinition{Args: []string{"/bin/probe", "-x"}}, "/bin/probe -x", ""},
		{api.CheckDefinition{Args: []string{"probe"}, DockerContainerID: "web"}, "web: probe", ""},
		{api.CheckDefinition{OSService: "sshd"}, "sshd", ""},
		{api.CheckDefinition{AliasService: "web-1", AliasNode: "n"}, "web-1", ""},
		{api.CheckDefinition{AliasNode: "n"}, "n", ""},
		{api.CheckDefinition{TTL: 1}, "", ""},
	} {
		require.Equal(t, c.target, Target(&c.def))
		require.Equal(t, c.host, hostOf(&c.def, kindOf(&c.def)), c.target)
	}
	require.Empty(t, Target(nil))
}
