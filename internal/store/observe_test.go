package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// watched is an instance of node n1 with a check that several servers run.
func watched(observers int, status string) *Register {
	def := &api.CheckDefinition{TCP: "10.1.1.1:80", Interval: api.Duration(10 * time.Second), Observers: observers, DeregisterCriticalServiceAfter: api.Duration(time.Minute)}
	return instance("n1", "web", "w1", &api.Check{CheckID: "w1", Name: "w1", ServiceID: "w1", Status: status, Definition: def})
}

func (s *testStore) observers(id string) []string {
	v, _ := s.State().Node("n1")
	return ObserversAmong(s.State().LiveServers(), v.Node, v.Check(id))
}

func TestObserversAreAPureFunctionOfTheState(t *testing.T) {
	node := &api.Node{Node: "n1", Address: "10.0.0.9"}
	live := []string{"s1", "s2", "s3", "s4", "s5"}
	first := map[string]bool{}
	for i := range 50 {
		c := watched(3, api.Passing).Checks[0]
		c.CheckID = fmt.Sprint("c", i)
		all := ObserversAmong(live, node, c)
		require.Len(t, all, 3)
		require.Equal(t, OwnerAmong(live, node, c), all[0])
		first[all[0]] = true
		for _, l := range live {
			require.Equal(t, slices.Contains(all, l), RunsAmong(live, node, c, l))
		}
		// Without one of them the others stay, and one comes in.
		fewer := slices.DeleteFunc(slices.Clone(live), func(l string) bool { return l == all[1] })
		next := ObserversAmong(fewer, node, c)
		require.Len(t, next, 3)
		require.Equal(t, []string{all[0], all[2]}, next[:2])
		own := *node
		own.Node = "s4"
		require.Equal(t, "s4", ObserversAmong(live, &own, c)[0])
		require.Len(t, ObserversAmong(live[:2], node, c), 2)
		require.Empty(t, ObserversAmong(nil, node, c))
	}
	require.Len(t, first, 5)
	for name, probe := range map[string]*api.CheckDefinition{
		"a TTL":               {TTL: 1, Observers: 3},
		"a script":            {Args: []string{"x"}, Interval: 1, Observers: 3},
		"a loopback check":    {TCP: "127.0.0.1:1", Interval: 1, Observers: 3},
		"none":                {TCP: "10.0.0.1:1", Interval: 1},
		"one":                 {TCP: "10.0.0.1:1", Interval: 1, Observers: 1},
		"a number below zero": {TCP: "10.0.0.1:1", Interval: 1, Observers: -1},
	} {
		s4 := &api.Node{Node: "s4", Address: "10.0.0.4"}
		require.Equal(t, []string{"s4"}, ObserversAmong(live, s4, &api.Check{CheckID: "c", Probe: probe}), name)
	}
	many := watched(1000, api.Passing).Checks[0]
	require.Len(t, ObserversAmong([]string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}, node, many), api.MaxObservers)
}

// TestMajorityDecides reports one vote after the other. A vote is a digit for
// the observer in their order, and p, w or c.
func TestMajorityDecides(t *testing.T) {
	status := map[byte]string{'p': api.Passing, 'w': api.Warning, 'c': api.Critical}
	for _, c := range []struct {
		observers int
		initial   string
		votes     string
		want      string // the status after each vote
		votesLeft int
	}{
		{3, api.Critical, "0p 1p 2p", "c p p", 3},
		{3, api.Critical, "0p 0p 0p", "c c c", 1},
		{3, api.Passing, "0c", "p", 1},
		{3, api.Passing, "0p 1p 2p 1c 1c", "p p p p p", 3},
		{3, api.Passing, "0p 1p 2p 1c 2c 1p", "p p p p c p", 3},
		{3, api.Passing, "0p 1w 2c", "p p p", 3},
		{3, api.Passing, "0p 1w 2c 0w", "p p p w", 3},
		{5, api.Passing, "0c 1c 2c", "p p c", 3},
		{2, api.Passing, "0c 1c 0p", "p c c", 2},
		{1, api.Passing, "0c 0p", "c p", 0},
		{7, api.Passing, "0c 1c 2c", "p p c", 3},
	} {
		t.Run(c.votes, func(t *testing.T) {
			s := openTest(t)
			s.servers("s1", "s2", "s3", "s4", "s5")
			s.at(0, watched(c.observers, c.initial))
			obs := s.observers("w1")
			votes, want := strings.Fields(c.votes), strings.Fields(c.want)
			for i, v := range votes {
				require.NoError(t, s.at(time.Second, report(obs[v[0]-'0'], "w1", status[v[1]])).Err)
				require.Equal(t, status[want[i][0]], s.check("n1", "w1").Status, "after %s", v)
				s.reopen()
			}
			if k := s.check("n1", "w1"); c.votesLeft > 0 {
				require.Len(t, k.Verdict.Votes, c.votesLeft)
			}
		})
	}
}

func TestVotesOfOthersAreDropped(t *testing.T) {
	s := openTest(t)
	s.servers("s1", "s2", "s3", "s4", "s5")
	s.at(0, watched(3, api.Passing))
	obs := s.observers("w1")
	outside := ""
	for _, n := range []string{"s1", "s2", "s3", "s4", "s5"} {
		if !slices.Contains(obs, n) {
			outside = n
		}
	}
	u := report(outside, "w1", api.Critical)
	require.Len(t, u.DroppedUpdates(s.at(0, u)), 1, "it is not asked")
	require.Nil(t, s.check("n1", "w1").Verdict)
	for _, o := range obs {
		s.at(0, report(o, "w1", api.Passing))
	}

	// One of them sees it critical and dies; another comes in for it and sees
	// the same; then the first is back, without the vote it had.
	s.at(0, report(obs[1], "w1", api.Critical))
	s.at(0, &Liveness{Node: obs[1], Output: "gone"})
	require.Len(t, s.check("n1", "w1").Verdict.Votes, 2)
	next := s.observers("w1")
	s.at(0, report(next[2], "w1", api.Critical))
	require.Equal(t, api.Passing, s.check("n1", "w1").Status)
	s.at(0, &Liveness{Node: obs[1], Alive: true})
	require.Equal(t, obs, s.observers("w1"))
	require.Equal(t, api.Passing, s.check("n1", "w1").Status)
	require.Len(t, s.check("n1", "w1").Verdict.Votes, 2)
	s.at(0, report(obs[1], "w1", api.Critical))
	require.Equal(t, api.Passing, s.check("n1", "w1").Status)
	s.at(0, report(obs[2], "w1", api.Critical))
	require.Equal(t, api.Critical, s.check("n1", "w1").Status)
}

// TestDeathOfObserversMayDecide: two of five see it critical, and two of the
// other three die. Nobody has anything new to report.
func TestDeathOfObserversMayDecide(t *testing.T) {
	s := openTest(t)
	s.servers("s1", "s2", "s3", "s4", "s5")
	s.at(0, watched(5, api.Passing))
	obs := s.observers("w1")
	for i, o := range obs {
		s.at(0, report(o, "w1", []string{api.Critical, api.Critical, api.Passing, api.Passing, api.Passing}[i]))
	}
	s.at(10*time.Second, &Liveness{Node: obs[2], Output: "gone"})
	require.Equal(t, api.Passing, s.check("n1", "w1").Status, "two of four are no majority")
	s.at(20*time.Second, &Liveness{Node: obs[3], Output: "gone"})
	k := s.check("n1", "w1")
	require.Equal(t, api.Critical, k.Status)
	require.Contains(t, k.Output, "seen critical by most of the servers that run this check by now: "+obs[0])
	require.Len(t, k.Verdict.Votes, 3)
	require.Equal(t, map[string]time.Duration{"w1": 80 * time.Second}, s.due(), "and so it is counted")
}

func TestVotesAndOtherRules(t *testing.T) {
	s := openTest(t)
	s.servers("s1", "s2", "s3")
	s.at(0, watched(3, api.Critical))
	obs := s.observers("w1")
	say := func(i int, status, output string) {
		s.at(time.Second, &UpdateChecks{From: obs[i], Updates: []CheckUpdate{{"n1", "w1", status, output, ""}}})
	}
	say(0, api.Critical, "a")
	require.Empty(t, s.due(), "one is no majority")
	say(1, api.Critical, "b")
	require.Len(t, s.due(), 1)
	require.Equal(t, "a", s.check("n1", "w1").Output, "the owner speaks")
	say(0, api.Passing, "c")
	require.Equal(t, "a", s.check("n1", "w1").Output)
	require.Len(t, s.due(), 1)
	say(1, api.Passing, "d")
	k := s.check("n1", "w1")
	require.Equal(t, "passing d", k.Status+" "+k.Output, "who turns it speaks")
	require.Empty(t, s.due())
	say(1, api.Passing, "e")
	require.Equal(t, "d", s.check("n1", "w1").Output)
	say(0, api.Passing, "f")
	require.Equal(t, "f", s.check("n1", "w1").Output)

	// A registration does not vote, and says nothing about who did.
	before := s.check("n1", "w1")
	s.at(2*time.Second, watched(3, api.Critical))
	require.Same(t, before, s.check("n1", "w1"))
	// Another definition is another check.
	s.at(2*time.Second, watched(2, api.Critical))
	require.Equal(t, api.Critical, s.check("n1", "w1").Status)
	require.Nil(t, s.check("n1", "w1").Verdict)

	// Votes that change nothing else wake nobody.
	for _, o := range s.observers("w1") {
		s.at(3*time.Second, report(o, "w1", api.Passing))
	}
	v, _ := s.State().Service("web")
	s.at(4*time.Second, report(s.observers("w1")[1], "w1", api.Passing))
	again, _ := s.State().Service("web")
	require.Same(t, v, again)
	node, _ := s.State().Node("n1")
	tables, modified := s.State().Table(TableChecks), s.check("n1", "w1").ModifyIndex
	s.at(5*time.Second, report(s.observers("w1")[1], "w1", api.Critical))
	require.Contains(t, s.check("n1", "w1").Verdict.Votes, api.CheckVote{Server: s.observers("w1")[1], Status: api.Critical})
	require.Equal(t, modified, s.check("n1", "w1").ModifyIndex)
	again, _ = s.State().Service("web")
	require.Equal(t, v.HealthIndex, again.HealthIndex)
	require.Same(t, v.Health, again.Health)
	require.Same(t, s.check("n1", "w1"), again.Instances[0].OwnChecks[0])
	nodeAgain, _ := s.State().Node("n1")
	require.Equal(t, node.ChecksIndex, nodeAgain.ChecksIndex)
	require.Same(t, node.Health, nodeAgain.Health)
	require.Same(t, tables, s.State().Table(TableChecks))
}
