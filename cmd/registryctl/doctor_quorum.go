package main

import (
	"context"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// quorum looks at how many servers agree on the log and how many of them may
// fail.
func (e *examination) quorum(ctx context.Context) {
	c := e.answer[0].c
	leader, err := c.Status().Leader(ctx)
	if err != nil || leader == "" {
		e.add("leader", verdictBad, "start the servers that are down: most of the voters must run and reach each other", "there is none, so nothing can be written")
	} else {
		e.add("leader", verdictOK, "", "%s", leader)
	}
	conf, err := c.Operator().RaftConfiguration(ctx, &api.QueryOptions{Consistency: api.ReadStale})
	if err != nil {
		e.add("quorum", verdictUnknown, "see registryctl operator raft list-peers", "%v", cause(err))
		return
	}
	voters := 0
	for _, s := range conf.Servers {
		if s.Voter {
			voters++
		}
	}
	e.voters(voters)
	if leader == "" {
		return
	}
	health, err := c.Operator().AutopilotHealth(ctx)
	if err != nil {
		e.add("failure tolerance", verdictUnknown, "see registryctl operator autopilot state", "%v", cause(err))
		return
	}
	e.health(health, voters)
}

// voters judges the size of the set.
func (e *examination) voters(n int) {
	need := n/2 + 1
	switch {
	case n == 1:
		e.add("quorum", verdictWarning, "run three servers: this one's disk is the only copy", "1 voter")
	case n%2 == 0:
		e.add("quorum", verdictWarning, "add a server or take one away: an even number tolerates no more than one less does",
			"%d voters, of which %d are needed", n, need)
	case n > 7:
		e.add("quorum", verdictWarning, "take voters away: each write waits for more of them than it need",
			"%d voters, of which %d are needed", n, need)
	default:
		e.add("quorum", verdictOK, "", "%d voters, of which %d are needed", n, need)
	}
}

// health judges what the leader thinks of the servers.
func (e *examination) health(h *api.AutopilotHealth, voters int) {
	var sick []string
	for _, s := range h.Servers {
		if !s.Healthy {
			sick = append(sick, s.Name+" ("+s.SerfStatus+")")
		}
	}
	if len(sick) > 0 {
		e.add("servers", verdictBad, "start them; one that is gone for good: registryctl operator raft remove-peer",
			"the leader holds %s for unhealthy", strings.Join(sick, ", "))
	} else {
		e.add("servers", verdictOK, "", "the leader holds all %d for healthy", len(h.Servers))
	}
	switch {
	case h.FailureTolerance > 0:
		e.add("failure tolerance", verdictOK, "", "%s", plural(h.FailureTolerance, "server may fail", "servers may fail"))
	case voters >= 3:
		e.add("failure tolerance", verdictBad, "bring the unhealthy servers back before another fails", "none: writes stop when another server fails")
	default:
		e.add("failure tolerance", verdictWarning, "run three servers, or five", "none: writes stop when a server fails")
	}
}
