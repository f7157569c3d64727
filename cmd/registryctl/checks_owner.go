package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// checkOwners lists the checks that the cluster runs with who runs them.
func (t *tool) checkOwners(ctx context.Context, c *api.Client, which api.CheckRuns, state string, q *api.QueryOptions) error {
	runs, meta, err := c.Cluster().Checks(ctx, which, q)
	if err != nil {
		return err
	}
	some := []*api.CheckRun{}
	for _, r := range runs {
		if state == api.AnyState || r.Status == state {
			some = append(some, r)
		}
	}
	if err := t.show(some, func(w io.Writer) { printOwners(w, some, time.Now()) }); err != nil {
		return err
	}
	if len(meta.Silent) > 0 {
		fmt.Fprintf(t.err, "registryctl: no word in time from %s on how the checks go there\n", strings.Join(meta.Silent, ", "))
	}
	return noCheck(len(runs), which.Service, which.Node, q.Filter)
}

func printOwners(w io.Writer, runs []*api.CheckRun, now time.Time) {
	var rows [][]string
	for _, r := range runs {
		rows = append(rows, []string{r.Node, r.CheckID, statusCell(r), ownerCell(r), lastRun(r, now), took(r), nextRun(r, now), r.Target})
	}
	table(w, "Node|Check|Status|Owner|Last run|Took|Next run|Target", rows)
}

// statusCell is the status, and what is seen where that is not what shows.
func statusCell(r *api.CheckRun) string {
	switch {
	case !r.HeldUntil.IsZero():
		return r.Status + ", held (" + r.Observed + ")"
	case !r.GuardedUntil.IsZero():
		return r.Status + ", guarded (" + r.Observed + ")"
	}
	return r.Status
}

// ownerCell is the owner, and how many others run the check, too.
func ownerCell(r *api.CheckRun) string {
	if n := len(r.Observers); n > 1 {
		return fmt.Sprintf("%s +%d", r.Owner, n-1)
	}
	return r.Owner
}

// votes says what each of several servers sees.
func votes(r *api.CheckRun) string {
	var list []string
	for _, v := range r.Votes {
		list = append(list, v.Server+" "+v.Status)
	}
	return strings.Join(list, ", ")
}

// lastRun says how long ago a check ran.
func lastRun(r *api.CheckRun, now time.Time) string {
	switch {
	case !r.Answered:
		return ""
	case r.LastRun.IsZero():
		return "not yet"
	}
	return brief(max(now.Sub(r.LastRun), 0)) + " ago"
}

// nextRun says when a check runs next, or its TTL ends.
func nextRun(r *api.CheckRun, now time.Time) string {
	switch {
	case !r.Answered:
		return ""
	case r.State != "":
		return r.State
	case r.NextRun.IsZero() && r.TTL != "":
		return "expired"
	case r.NextRun.IsZero():
		return "" // an alias follows its target
	}
	return "in " + brief(max(r.NextRun.Sub(now), 0))
}

// took is how long the last run took; a heartbeat takes no time.
func took(r *api.CheckRun) string {
	if r.LastRun.IsZero() || r.TTL != "" {
		return ""
	}
	return brief(time.Duration(r.Took))
}

// brief is a duration with as many digits as a person reads.
func brief(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}
