package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestVerdictsOnTheQuorum(t *testing.T) {
	server := func(name string, healthy bool) *api.ServerHealth {
		return &api.ServerHealth{Name: name, SerfStatus: map[bool]string{true: "alive", false: "failed"}[healthy], Healthy: healthy}
	}
	for _, c := range []struct {
		name     string
		voters   int
		health   api.AutopilotHealth
		verdicts map[string]string
	}{
		{"one", 1, api.AutopilotHealth{Servers: []*api.ServerHealth{server("a", true)}},
			map[string]string{"quorum": verdictWarning, "servers": verdictOK, "failure tolerance": verdictWarning}},
		{"three", 3, api.AutopilotHealth{FailureTolerance: 1, Servers: []*api.ServerHealth{server("a", true)}},
			map[string]string{"quorum": verdictOK, "servers": verdictOK, "failure tolerance": verdictOK}},
		{"three less one", 3, api.AutopilotHealth{Servers: []*api.ServerHealth{server("a", false)}},
			map[string]string{"quorum": verdictOK, "servers": verdictBad, "failure tolerance": verdictBad}},
		{"four", 4, api.AutopilotHealth{FailureTolerance: 1}, map[string]string{"quorum": verdictWarning}},
		{"nine", 9, api.AutopilotHealth{FailureTolerance: 4}, map[string]string{"quorum": verdictWarning}},
	} {
		e := &examination{}
		e.voters(c.voters)
		e.health(&c.health, c.voters)
		for check, want := range c.verdicts {
			require.Equal(t, want, verdictOn(t, e, check), "%s: %s", c.name, check)
		}
		for _, f := range e.findings {
			require.Equal(t, f.Verdict != verdictOK, f.Do != "", "%s: what is not well needs a remedy: %v", c.name, f)
		}
	}
}

func verdictOn(t *testing.T, e *examination, check string) string {
	t.Helper()
	for _, f := range e.findings {
		if f.Check == check {
			return f.Verdict
		}
	}
	require.Fail(t, "no finding on "+check)
	return ""
}

func TestVerdictsOnMachines(t *testing.T) {
	host := map[string]any{}
	for _, c := range []struct {
		s    examined
		want string
	}{
		{examined{host: host, skew: 3 * time.Millisecond, margin: time.Millisecond}, verdictOK},
		{examined{host: host, skew: -2 * time.Second, margin: 1500 * time.Millisecond}, verdictOK},
		{examined{host: host, skew: -3 * time.Second, margin: time.Millisecond}, verdictWarning},
		{examined{host: host, skew: time.Hour, margin: time.Millisecond}, verdictBad},
		{examined{}, verdictUnknown},
	} {
		e := &examination{answer: []*examined{&c.s}}
		e.clocks()
		require.Equal(t, c.want, e.findings[0].Verdict, c.s.skew)
	}
	for rate, want := range map[float64]string{5: verdictBad, 50: verdictWarning, 500: verdictOK} {
		e := &examination{}
		e.syncs("syncs", rate)
		require.Equal(t, want, e.findings[0].Verdict)
	}
	require.InDelta(t, 500, pace(&api.Metrics{Samples: []api.Sample{{Name: "x.raft.leader.dispatchLog", Mean: 2}}}), 0.1)
	require.Zero(t, pace(&api.Metrics{Samples: []api.Sample{{Name: "x.raft.boltdb.storeLogs", Mean: 2}}}), "that is behind the journal")
}

func TestWorst(t *testing.T) {
	of := func(verdicts ...string) []*finding {
		var list []*finding
		for _, v := range verdicts {
			list = append(list, &finding{Verdict: v})
		}
		return list
	}
	require.Equal(t, verdictOK, worst(of(verdictOK, verdictUnknown)))
	require.Equal(t, verdictWarning, worst(of(verdictOK, verdictWarning, verdictUnknown)))
	require.Equal(t, verdictBad, worst(of(verdictBad, verdictWarning)))
}

func TestDoctorWithoutServers(t *testing.T) {
	o := call(t, "127.0.0.1:1", "doctor")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stdout, "does not answer: connection refused")
	o = call(t, "127.0.0.1:1", "doctor", "-data-dir=/does/not/exist")
	require.Contains(t, o.stdout, "syncs in /does/not/exist  unknown")
}
