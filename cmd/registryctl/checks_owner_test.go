package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestOwnersOfChecks(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	runs := []*api.CheckRun{
		{Node: "n1", CheckID: "http", Status: "passing", Owner: "s1", Answered: true, Target: "http://a/", LastRun: ago(3210 * time.Millisecond),
			Took: api.Duration(1234567), NextRun: ago(-6790 * time.Millisecond)},
		{Node: "n1", CheckID: "new", Status: "critical", Owner: "s1", Answered: true, Target: "a:1", NextRun: ago(-time.Hour)},
		{Node: "n1", CheckID: "late", Status: "passing", Owner: "s1", Answered: true, Target: "a:2", LastRun: ago(time.Minute), State: "waiting"},
		{Node: "n2", CheckID: "beat", Status: "passing", Owner: "s2", Answered: true, TTL: "30s", LastRun: ago(0), NextRun: ago(-30 * time.Second)},
		{Node: "n2", CheckID: "mute", Status: "critical", Owner: "s2", Answered: true, TTL: "30s", LastRun: ago(90 * time.Second)},
		{Node: "n2", CheckID: "alias", Status: "passing", Owner: "s2", Answered: true, Target: "db", LastRun: ago(-time.Second)},
		{Node: "n3", CheckID: "away", Status: "passing", Owner: "s3", Target: "a:3"},
		{Node: "n4", CheckID: "tied", Status: "critical", Target: "/bin/true"},
	}
	var p page
	printOwners(&p, runs, now)
	require.Equal(t, unpad(`
		Node  Check  Status    Owner  Last run   Took   Next run   Target
		n1    http   passing   s1     3.21s ago  1.2ms  in 6.79s   http://a/
		n1    new    critical  s1     not yet    -      in 1h0m0s  a:1
		n1    late   passing   s1     1m0s ago   0s     waiting    a:2
		n2    beat   passing   s2     0s ago     -      in 30s     -
		n2    mute   critical  s2     1m30s ago  -      expired    -
		n2    alias  passing   s2     0s ago     0s     -          db
		n3    away   passing   s3     -          -      -          a:3
		n4    tied   critical  -      -          -      -          /bin/true`), p.String())

	for i, want := range []string{
		"3.21s ago, took 1.2ms; next in 6.79s",
		"not yet; next in 1h0m0s",
		"1m0s ago, took 0s; it is waiting now",
		"0s ago; the TTL of 30s ends in 30s",
		"1m30s ago; the TTL of 30s has ended",
		"0s ago, took 0s",
		"",
		"",
	} {
		require.Equal(t, want, timesOf(runs[i], now), runs[i].CheckID)
	}
	require.Equal(t, "no heartbeat since this server runs it; the TTL of 5s ends in 5s",
		timesOf(&api.CheckRun{Answered: true, TTL: "5s", NextRun: now.Add(5 * time.Second)}, now))
}

func TestMomentOfTheDay(t *testing.T) {
	now := time.Date(2026, 1, 2, 13, 4, 5, 0, time.Local)
	require.Equal(t, "13:04:02 (3s ago)", moment(now.Add(-3*time.Second), now))
	require.Equal(t, "2026-01-01 13:04:05 (24h0m0s ago)", moment(now.Add(-24*time.Hour), now))
	require.Equal(t, "13:04:06 (0s ago)", moment(now.Add(time.Second), now), "the server's clock is ahead")
}

func TestBriefDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1500: "2µs", 1234567: "1.2ms", 1234567890: "1.23s", 12345678901: "12.3s", 123456789012: "2m3s",
	} {
		require.Equal(t, want, brief(d))
	}
}

func TestChecksOfSeveralServers(t *testing.T) {
	r := &api.CheckRun{Node: "n", CheckID: "c", Type: "http", Interval: "5s", Owner: "s1", Observers: []string{"s1", "s2", "s3"},
		Votes: []api.CheckVote{{Server: "s1", Status: "passing"}, {Server: "s3", Status: "critical"}}}
	require.Equal(t, "s1 +2", ownerCell(r))
	require.Equal(t, "s1 passing, s3 critical", votes(r))
	s := &surroundings{runs: map[string]*api.CheckRun{runKey("n", "c"): r}}
	require.Equal(t, "servers s1, s2, s3 (most of them must agree), every 5s", s.runner(&api.Check{Node: "N", CheckID: "c"}))
}

func TestCheckOwners(t *testing.T) {
	f := serve(t, map[string]answer{"GET /v1/internal/checks": {body: `[
		{"Node":"n1","CheckID":"a","Status":"passing","Owner":"s1","Answered":true},{"Node":"n1","CheckID":"b","Status":"critical","Owner":"s2"}]`,
		header: map[string]string{api.SilentHeader: "s2,s3"}}})
	o := call(t, f.URL, "checks", "web", "-owner", "-node=n1", "-state=critical", "-filter=x")
	require.Zero(t, o.code)
	require.Equal(t, "Node  Check  Status    Owner  Last run  Took  Next run  Target\nn1    b      critical  s2     -         -     -         -\n", o.stdout)
	require.Equal(t, "registryctl: no word in time from s2, s3 on how the checks go there\n", o.stderr)
	require.Equal(t, []string{"GET /v1/internal/checks?filter=x&node=n1&service=web"}, f.requests())
	require.Contains(t, call(t, f.URL, "checks", "-owner", "-o", "json").stdout, `"Owner": "s2"`)
}

func TestNoOwnersOfNoChecks(t *testing.T) {
	f := serve(t, map[string]answer{"GET /v1/internal/checks": {body: `[]`}})
	require.Zero(t, call(t, f.URL, "checks", "-owner").code)
	o := call(t, f.URL, "checks", "none", "-owner", "-node=n1")
	require.Equal(t, exitUsage, o.code)
	require.Equal(t, "registryctl: no check of service \"none\" on node \"n1\" is registered\n", o.stderr)
}

// What the servers tell of a check is in the explanation; what they do not tell
// is guessed, as with Consul's servers.
func TestWhyTellsOfRuns(t *testing.T) {
	answers := everything()
	answers["GET /v1/internal/checks"] = answer{body: `[{"Node":"n2","CheckID":"service:web-2","Type":"http","Target":"http://10.1.0.2/health","Interval":"10s",
		"Status":"critical","Output":"connection refused, again","Owner":"s7","Answered":true,"LastRun":"2026-01-02T03:04:05Z","Took":"2ms","NextRun":"2026-01-02T03:04:15Z","DeregisterAt":"2026-01-02T03:05:05Z","Since":"2026-01-02T03:00:00Z"}]`}
	f := serve(t, answers)
	said := call(t, f.URL, "why", "web/web-2").stdout
	for _, want := range []string{
		"critical  service:web-2 (http)\n", " ago), index 0, the newest change of the cluster\n", "looks at     http://10.1.0.2/health\n", "said         connection refused, again\n", "run by       server s7, every 10s\n",
		" ago, took 2ms; next in 0s\n", "passes when  an HTTP request to http://10.1.0.2/health is answered with a status of 2xx\n",
		"else         its service is deregistered in 0s\n",
	} {
		require.Contains(t, said, want)
	}
	require.Contains(t, call(t, f.URL, "why", "web/web-2", "-o", "json").stdout, `"Owner": "s7"`)

	delete(answers, "GET /v1/internal/checks")
	said = call(t, serve(t, answers).URL, "why", "web/web-2").stdout
	require.Contains(t, said, "dial tcp: connection refused\n")
	require.NotContains(t, said, "last run")
}
