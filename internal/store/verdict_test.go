package store

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// dawn is when the logs of these tests begin.
var dawn = time.Unix(1_000_000, 0).UTC()

// at applies a command that the leader appended some time after dawn.
func (s *testStore) at(after time.Duration, c Command) Result {
	s.t.Helper()
	s.index++
	out := s.ApplyBatch([]Entry{{Index: s.index, Term: 1, Time: dawn.Add(after), Data: Encode(c)}})
	r, err := DecodeResult(out[0])
	require.NoError(s.t, err)
	return r
}

// report is what a server tells of a check of node n1.
func report(from, id, status string) *UpdateChecks {
	return &UpdateChecks{From: from, Updates: []CheckUpdate{{Node: "n1", CheckID: id, Status: status, Output: "was " + status}}}
}

func (s *testStore) check(node, id string) *api.Check {
	v, _ := s.State().Node(node)
	if v == nil {
		return nil
	}
	return v.Check(id)
}

// servers registers living servers.
func (s *testStore) servers(names ...string) {
	for _, n := range names {
		r := instance(n, ServerService, ServerService, check(api.SerfHealth, "", api.Passing))
		r.Address = "10.0.0." + n[1:]
		require.NoError(s.t, s.at(0, r).Err)
	}
}

// doomed is an instance of node n1 whose service goes when its check stays
// critical.
func doomed(id string, after time.Duration) *Register {
	def := &api.CheckDefinition{TCP: "10.1.1.1:80", Interval: api.Duration(10 * time.Second), DeregisterCriticalServiceAfter: api.Duration(after)}
	return instance("n1", "web", id, &api.Check{CheckID: id, Name: id, ServiceID: id, Status: api.Critical, Definition: def})
}

func (s *testStore) due() map[string]time.Duration {
	m := map[string]time.Duration{}
	s.State().Due(func(at time.Time, c *api.Check) bool {
		m[c.CheckID] = at.Sub(dawn)
		return true
	})
	return m
}

func TestCriticalIsCountedFromItsFirstReport(t *testing.T) {
	type step struct {
		at  time.Duration
		cmd Command
	}
	at := func(s int, c Command) step { return step{time.Duration(s) * time.Second, c} }
	crit, pass := report("", "w1", api.Critical), report("", "w1", api.Passing)
	again := func(change func(*Register)) *Register {
		r := doomed("w1", 90*time.Second)
		r.KeepStatus = true
		if change != nil {
			change(r)
		}
		return r
	}
	due := &ChecksDue{Checks: []CheckRef{{"n1", "w1"}, {"n1", "nothing"}, {"nobody", "w1"}}}
	for _, c := range []struct {
		name  string
		after time.Duration
		steps []step
		due   int // seconds after dawn, 0: never
		gone  bool
	}{
		{"registered as critical is no report", 90 * time.Second, nil, 0, false},
		{"reported", 90 * time.Second, []step{at(5, crit)}, 95, false},
		{"reported again", 90 * time.Second, []step{at(5, crit), at(50, crit)}, 95, false},
		{"not asked for", 0, []step{at(5, crit)}, 0, false},
		{"less than a minute counts as a minute", time.Second, []step{at(5, crit)}, 65, false},
		{"unless the server is configured so", time.Second, []step{at(5, &UpdateChecks{Updates: crit.Updates, Floor: 3 * time.Second})}, 8, false},
		{"another output", 90 * time.Second, []step{at(5, crit), at(9, &UpdateChecks{Updates: []CheckUpdate{{"n1", "w1", api.Critical, "else", ""}}})}, 95, false},
		{"well in between", 90 * time.Second, []step{at(5, crit), at(50, pass), at(51, crit)}, 141, false},
		{"well again", 90 * time.Second, []step{at(5, crit), at(50, pass)}, 0, false},
		{"warning", 90 * time.Second, []step{at(5, crit), at(50, report("", "w1", api.Warning))}, 0, false},
		{"registered again the same", 90 * time.Second, []step{at(5, crit), at(50, again(nil))}, 95, false},
		{"registered again with another port", 90 * time.Second, []step{at(5, crit), at(50, again(func(r *Register) { r.Service.Port++ }))}, 95, false},
		{"registered with another definition", 90 * time.Second, []step{at(5, crit), at(50, again(func(r *Register) { r.Checks[0].Definition.TCP = "x:1" }))}, 0, false},
		{"said to be well", 90 * time.Second, []step{at(5, crit), at(50, again(func(r *Register) { r.KeepStatus, r.Checks[0].Status = false, api.Passing }))}, 95, false},
		{"said to be critical", 90 * time.Second, []step{at(5, crit), at(50, again(func(r *Register) { r.KeepStatus = false }))}, 95, false},
		{"the check goes", 90 * time.Second, []step{at(5, crit), at(50, &Deregister{Node: "n1", CheckID: "w1"})}, 0, false},
		{"the service goes", 90 * time.Second, []step{at(5, crit), at(50, &Deregister{Node: "n1", ServiceID: "w1"})}, 0, true},
		{"the leader is early", 90 * time.Second, []step{at(5, crit), {95*time.Second - 1, due}}, 95, false},
		{"in time", 90 * time.Second, []step{at(5, crit), at(95, due)}, 0, true},
		{"well when the leader acts", 90 * time.Second, []step{at(5, crit), at(94, pass), at(95, due)}, 0, false},
		{"not due at all", 0, []step{at(5, crit), at(1000, due)}, 0, false},
		{"for ever", 1<<63 - 1, []step{at(5, crit), at(1000, due)}, int((1<<63 - 1 - dawn.UnixNano()) / int64(time.Second)), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openTest(t)
			s.at(0, doomed("w1", c.after))
			for _, st := range c.steps {
				require.NoError(t, s.at(st.at, st.cmd).Err)
			}
			for range 2 {
				due, ok := s.due()["w1"]
				require.Equal(t, c.due != 0, ok)
				require.Equal(t, c.due, int(due/time.Second))
				v, _ := s.State().Service("web")
				require.Equal(t, c.gone, len(v.Instances) == 0)
				s.reopen()
			}
			if k := s.check("n1", "w1"); k != nil && c.due == 0 {
				require.Nil(t, k.Verdict, "nothing is kept of nothing")
			}
		})
	}
}

func TestDueIsInOrderAndWatched(t *testing.T) {
	s := openTest(t)
	for i, id := range []string{"b", "a", "c"} {
		s.at(0, doomed(id, time.Duration(3-i)*time.Hour))
	}
	changed := s.State().Table(TableDue).Watch.C()
	s.at(time.Second, report("", "b", api.Passing))
	require.False(t, fired(changed))
	for _, id := range []string{"a", "b", "c"} {
		s.at(time.Second, report("", id, api.Critical))
	}
	require.True(t, fired(changed))
	var got []string
	s.State().Due(func(_ time.Time, c *api.Check) bool {
		got = append(got, c.CheckID)
		return len(got) < 2
	})
	require.Equal(t, []string{"c", "a"}, got)
	s.at(time.Second, &Deregister{Node: "n1"})
	require.Empty(t, s.due())
}

// A server that takes a check over looks for itself before the service goes.
func TestNewOwnerMayLookFirst(t *testing.T) {
	s := openTest(t)
	s.servers("s1", "s2", "s3")
	external := doomed("w1", time.Minute)
	s.at(0, external)
	v, _ := s.State().Node("n1")
	owner := s.State().Owner(v, v.Check("w1"))
	s.at(0, report(owner, "w1", api.Critical))
	own := instance(owner, "own", "o1", &api.Check{CheckID: "o1", Name: "o", ServiceID: "o1", Status: api.Critical,
		Probe: &api.CheckDefinition{TTL: api.Duration(30 * time.Second), DeregisterCriticalServiceAfter: api.Duration(time.Minute)}})
	own.SkipNodeUpdate, own.Service.Address = true, "10.9.9.9"
	s.at(0, own)
	s.at(0, &UpdateChecks{From: owner, Updates: []CheckUpdate{{owner, "o1", api.Critical, "TTL expired", ""}}})
	require.Equal(t, map[string]time.Duration{"w1": time.Minute, "o1": time.Minute}, s.due())

	var other string
	for _, n := range []string{"s1", "s2", "s3"} {
		if n != owner {
			other = n
		}
	}
	s.at(58*time.Second, &Liveness{Node: other, Output: "gone"})
	require.Equal(t, map[string]time.Duration{"w1": time.Minute, "o1": time.Minute}, s.due(), "another server's failure moves nothing")
	s.at(59*time.Second, &Liveness{Node: other, Alive: true})
	s.at(59*time.Second, &Liveness{Node: owner, Output: "gone"})
	require.Equal(t, map[string]time.Duration{"w1": 71 * time.Second, "o1": 91 * time.Second}, s.due())

	// What has time enough keeps its hour.
	s.at(60*time.Second, report(s.State().Owner(v, v.Check("w1")), "w1", api.Passing))
	s.at(60*time.Second, report(s.State().Owner(v, v.Check("w1")), "w1", api.Critical))
	s.at(61*time.Second, &Liveness{Node: owner, Alive: true})
	require.Equal(t, 120*time.Second, s.due()["w1"])
}

func TestRestoredSnapshotCountsAnew(t *testing.T) {
	s := openTest(t)
	s.at(0, doomed("w1", time.Minute))
	s.at(0, report("", "w1", api.Critical))
	data := snapshotOf(t, s.State())
	state, err := ReadSnapshot(bytes.NewReader(data))
	require.NoError(t, err)
	require.Equal(t, s.check("n1", "w1").Verdict, func() *api.CheckVerdict { v, _ := state.Node("n1"); return v.Check("w1").Verdict }(), "a server that catches up has all")
	for _, c := range uploadOf(t, "u", data, 1000) {
		require.NoError(t, s.at(time.Hour, c).Err)
	}
	for range 2 {
		require.Empty(t, s.due())
		require.Nil(t, s.check("n1", "w1").Verdict)
		s.reopen()
	}
	s.at(time.Hour, report("", "w1", api.Critical))
	require.Equal(t, map[string]time.Duration{"w1": time.Hour + time.Minute}, s.due())
}
