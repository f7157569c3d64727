package store

import (
	"cmp"
	"slices"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// wanted returns how many servers are to run a check.
func wanted(server *api.Node, c *api.Check) int {
	p := probeOf(c)
	if p == nil || p.Observers <= 1 || p.TTL > 0 || tied(server, c) != "" {
		return 1
	}
	return min(p.Observers, api.MaxObservers)
}

// ObserversAmong returns the live servers that run a check of a node: its owner
// first, then as many others as the check asks for, by their rank for it. None
// if there is no owner.
func ObserversAmong(live []string, node *api.Node, c *api.Check) []string {
	owner := OwnerAmong(live, node, c)
	if owner == "" {
		return nil
	}
	n := wanted(node, c)
	if n <= 1 {
		return []string{owner}
	}
	list := slices.Clone(live)
	slices.SortFunc(list, func(a, b string) int {
		switch owner {
		case a:
			return -1
		case b:
			return 1
		}
		return cmp.Or(cmp.Compare(score(b, node.Node, c.CheckID), score(a, node.Node, c.CheckID)), strings.Compare(a, b))
	})
	return list[:min(n, len(list))]
}

// RunsAmong reports whether a server runs a check of a node, alone or as one of
// several.
func RunsAmong(live []string, node *api.Node, c *api.Check, server string) bool {
	if wanted(node, c) <= 1 {
		return NodeKey(OwnerAmong(live, node, c)) == NodeKey(server)
	}
	return indexOf(ObserversAmong(live, node, c), server) >= 0
}

func indexOf(servers []string, server string) int {
	return slices.IndexFunc(servers, func(s string) bool { return NodeKey(s) == NodeKey(server) })
}

// vote returns the votes of the observers, with the one of server as given.
// Those of other servers are dropped. A list is never changed in place.
func vote(votes []api.CheckVote, observers []string, server, status string) []api.CheckVote {
	next := make([]api.CheckVote, 0, len(observers))
	for _, v := range votes {
		if indexOf(observers, v.Server) >= 0 && NodeKey(v.Server) != NodeKey(server) {
			next = append(next, v)
		}
	}
	if server != "" {
		next = append(next, api.CheckVote{Server: server, Status: status})
	}
	slices.SortFunc(next, func(a, b api.CheckVote) int { return strings.Compare(a.Server, b.Server) })
	if slices.Equal(next, votes) {
		return votes
	}
	return next
}

// majority returns the status that more than half of the observers have seen,
// empty if there is none.
func majority(votes []api.CheckVote, observers int) string {
	for i, v := range votes {
		same := 1
		for _, w := range votes[i+1:] {
			if w.Status == v.Status {
				same++
			}
		}
		if 2*same > observers {
			return v.Status
		}
	}
	return ""
}

// recount decides every check that several servers run by the votes of those
// that run it from now on.
func (d *draft) recount(live []string) {
	var nodes []*nodeDraft
	var checks []*api.Check
	d.next.observed.Root().Walk(func(k []byte, _ struct{}) bool {
		node, id, _ := strings.Cut(string(k), "\x00")
		if n := d.node(node); n != nil {
			if c := n.check(id); c != nil && c.Verdict != nil && len(c.Verdict.Votes) > 0 {
				nodes, checks = append(nodes, n), append(checks, c)
			}
		}
		return false
	})
	for i, n := range nodes {
		c := checks[i]
		observers := ObserversAmong(live, n.node, c)
		if len(observers) == 0 {
			continue // nobody looks, so nothing is news
		}
		next := *c.Verdict
		next.Votes = vote(next.Votes, observers, "", "")
		f := finding{decided: true, floor: MinDeregisterAfter}
		before, said := Seen(c)
		f.status, f.output = majority(next.Votes, len(observers)), said
		switch f.status {
		case before:
		case "":
			f.status, f.decided = before, false
		default:
			f.output = "seen " + f.status + " by most of the servers that run this check by now: " + strings.Join(observers, ", ")
		}
		d.conclude(n, c, next, f)
	}
}

// elect turns one observer's report into what most of them see. While the status
// stays, only the output of the first observer is taken over: else the outputs of
// those who agree would replace each other all the time. The one whose report
// turns the status gives its output as well.
func elect(c *api.Check, v *api.CheckVerdict, observers []string, from string, f finding) finding {
	v.Votes = vote(v.Votes, observers, from, f.status)
	before, said := Seen(c)
	seen := f.status
	f.status = majority(v.Votes, len(observers))
	f.decided = f.status != ""
	if !f.decided {
		f.status = before
	}
	if seen != f.status || f.status == before && said != "" && indexOf(observers, from) > 0 {
		f.output = said
	}
	return f
}
