package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/registryd/registryd/pkg/api"
)

func (t *tool) why() *cobra.Command {
	return &cobra.Command{
		Use:   "why SERVICE[/INSTANCE]",
		Short: "Explain the state of an instance, and what would make it pass",
		Long: `Explains why an instance is in the state that it is in: which of its checks and
its node's do not pass, since when, what they said last, what
they look at, which server runs them, when they last ran and run next, and what
would make them pass. Without INSTANCE it explains all instances of the service
that do not pass.

The distance from the index of a change to that of the newest one tells how long
ago it was. If there is no such instance the exit code is 2.`,
		Example: "  registryctl why web/web-1\n  registryctl why web\n  registryctl why web/web-1 -o json",
		Args:    args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			service, id, one := strings.Cut(args[0], "/")
			if service == "" || one && id == "" {
				return usagef("want SERVICE or SERVICE/INSTANCE, not %q", args[0])
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			entries, _, err := c.Health().Service(cmd.Context(), service, t.read())
			if err != nil {
				return err
			}
			if one {
				entries = withID(entries, id)
			}
			switch {
			case len(entries) == 0 && one:
				return absentf("service %q has no instance %q", service, id)
			case len(entries) == 0:
				return absentf("no instance of %q is registered", service)
			}
			cluster, err := surround(cmd.Context(), c)
			if err != nil {
				return err
			}
			found := []*explanation{}
			for _, e := range entries {
				if !one && e.Status() == api.Passing {
					continue
				}
				if err := cluster.lookUp(cmd.Context(), c, e); err != nil {
					return err
				}
				found = append(found, cluster.explain(e))
			}
			return t.show(found, func(w io.Writer) {
				if len(found) == 0 {
					fmt.Fprintf(w, "all %d instances of %s pass their checks\n", len(entries), service)
				}
				for i, x := range found {
					if i > 0 {
						fmt.Fprintln(w)
					}
					x.print(w)
				}
			})
		},
		ValidArgsFunction: first(t.instanceNames()),
	}
}

func withID(entries []*api.Entry, id string) []*api.Entry {
	var some []*api.Entry
	for _, e := range entries {
		if e.Service.ID == id {
			some = append(some, e)
		}
	}
	return some
}

// instanceNames offers services and, behind a slash, their instances.
func (t *tool) instanceNames() completer {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		service, _, one := strings.Cut(word, "/")
		if !one {
			return t.serviceNames()(cmd, args, word)
		}
		return t.live(func(ctx context.Context, c *api.Client) ([]string, error) {
			entries, _, err := c.Health().Service(ctx, service, &api.QueryOptions{Consistency: api.ReadStale})
			var names []string
			for _, e := range entries {
				names = append(names, service+"/"+e.Service.ID)
			}
			return names, err
		})(cmd, args, word)
	}
}

// explanation is why an instance is in its state.
type explanation struct {
	Service string
	ID      string
	Node    string
	Address string
	Status  string
	Index   uint64 // of the newest change in the cluster
	Checks  []*reason
}

// reason is what a check has to do with it.
type reason struct {
	CheckID string
	Name    string
	Type    string
	Status  string
	Since   uint64 // the index of its last change
	Output  string // what it said last
	RunBy   string
	Remedy  string `json:",omitempty"` // what would make it pass, if it does not
	// Run is how it goes; nil for a check that the cluster does not run.
	Run *api.CheckRun `json:",omitempty"`
}

func (x *explanation) print(w io.Writer) {
	l := lookIn(w)
	bad := 0
	for _, r := range x.Checks {
		if r.Remedy != "" {
			bad++
		}
	}
	status := l.paint(x.Status)
	if x.Status == api.Maintenance {
		status = "in " + status
	}
	fmt.Fprintf(w, "%s/%s on %s at %s is %s: ", x.Service, x.ID, x.Node, x.Address, status)
	switch {
	case len(x.Checks) == 0:
		fmt.Fprintln(w, "it has no checks")
	case bad == 0:
		fmt.Fprintf(w, "%s\n", plural(len(x.Checks), "check passes", "checks pass"))
	default:
		fmt.Fprintf(w, "%d of %s\n", bad, plural(len(x.Checks), "check does not pass", "checks do not pass"))
	}
	for _, r := range x.Checks {
		r.print(w, x.Index)
	}
}

func (r *reason) print(w io.Writer, newest uint64) {
	l := lookIn(w)
	kind := r.Type
	if kind != "" {
		kind = " (" + kind + ")"
	}
	fmt.Fprintf(w, "\n  %s  %s%s\n", l.paint(r.Status), r.CheckID, kind)
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "    %-12s %s\n", name, shown(text))
		}
	}
	since := ago(r.Since, newest)
	if r.Run != nil && !r.Run.Since.IsZero() {
		since = moment(r.Run.Since, time.Now()) + ", " + since
	}
	row("since", since)
	fmt.Fprintf(w, "    %-12s %s\n", "said", shown(r.Output))
	if r.Run != nil {
		row("looks at", r.Run.Target)
	}
	row("run by", r.RunBy)
	if r.Run != nil {
		row("they see", votes(r.Run))
	}
	if r.Run != nil {
		row("last run", timesOf(r.Run, time.Now()))
	}
	if r.Run != nil {
		row("shown so", overridden(r.Run, time.Now()))
	}
	row("passes when", r.Remedy)
	if r.Run != nil && !r.Run.DeregisterAt.IsZero() {
		row("else", "its service is deregistered in "+brief(max(time.Until(r.Run.DeregisterAt), 0)))
	}
}

// moment says when something was: the time of day, and the day if it is another.
func moment(at, now time.Time) string {
	form := time.TimeOnly
	if at.Local().Format(time.DateOnly) != now.Local().Format(time.DateOnly) {
		form = time.DateTime
	}
	return at.Local().Format(form) + " (" + brief(max(now.Sub(at), 0)) + " ago)"
}

// overridden says why a check shows something else than what is seen of it;
// empty if it does not.
func overridden(r *api.CheckRun, now time.Time) string {
	switch {
	case !r.HeldUntil.IsZero():
		return fmt.Sprintf("held critical for flapping for another %s, %d changes; it is seen %s", brief(max(r.HeldUntil.Sub(now), 0)), r.Changes, r.Observed)
	case !r.GuardedUntil.IsZero():
		return fmt.Sprintf("guarded for another %s, since too many instances fail at once; it is seen %s", brief(max(r.GuardedUntil.Sub(now), 0)), r.Observed)
	}
	return ""
}

// timesOf says when a check last ran and runs next, in words; empty if its owner
// did not tell.
func timesOf(r *api.CheckRun, now time.Time) string {
	if !r.Answered {
		return ""
	}
	last, next := lastRun(r, now), nextRun(r, now)
	if r.TTL != "" {
		if r.LastRun.IsZero() {
			last = "no heartbeat since this server runs it"
		}
		if next == "expired" {
			return last + "; the TTL of " + r.TTL + " has ended"
		}
		return last + "; the TTL of " + r.TTL + " ends " + next
	}
	if d := took(r); d != "" {
		last += ", took " + d
	}
	switch {
	case r.State != "":
		last += "; it is " + r.State + " now"
	case next != "":
		last += "; next " + next
	}
	return last
}

// ago tells how old the index of a change is.
func ago(index, newest uint64) string {
	if newest <= index {
		return "index " + strconv.FormatUint(index, 10) + ", the newest change of the cluster"
	}
	return fmt.Sprintf("index %d, %s ago", index, plural(int(newest-index), "change of the cluster", "changes of the cluster"))
}

// plural counts things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
