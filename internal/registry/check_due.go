package registry

import (
	"context"
	"time"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

const (
	// duePace is the shortest time between two looks at what is due about
	// checks. It bounds how late that is done.
	duePace = 100 * time.Millisecond
	// dueBatch is how many checks go into one command.
	dueBatch = 512
)

// watchDeadlines does in time what is to be done about checks, until ctx, a
// term's, ends: it has the services deregistered whose checks stay critical, and
// checks released that are held or guarded.
//
// The times are in the catalog, so a new leader goes on where the old one was.
// It gives a check one interval before its service goes, though: while there was no leader
// nothing could be reported, and the catalog may know of a failure only, not of
// its end.
func (r *Registry) watchDeadlines(ctx context.Context) {
	begun := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	guarded := map[string]bool{}
	for {
		st := r.State()
		guarded = r.tellGuarded(st, guarded)
		changed := st.Table(store.TableDue).Watch.C()
		due, wait := dueChecks(st, begun, time.Now())
		for len(due) > 0 && ctx.Err() == nil {
			n := min(len(due), dueBatch)
			r.proposeDue(ctx, due[:n])
			due, wait = due[n:], 0
		}
		timer.Reset(max(wait, duePace))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-changed:
			select {
			case <-time.After(duePace):
			case <-ctx.Done():
				return
			}
		}
	}
}

// dueChecks returns the checks that are due, and how long it is to the next
// one. The leader's term has begun at begun.
func dueChecks(st *store.State, begun, now time.Time) (due []*api.Check, wait time.Duration) {
	wait = time.Hour
	st.Due(func(at time.Time, c *api.Check) bool {
		if at.After(now) {
			wait = min(wait, at.Sub(now))
			return false
		}
		if first := begun.Add(store.FirstReport(c)); store.Deregisters(c) && first.After(now) {
			wait = min(wait, first.Sub(now))
			return true
		}
		due = append(due, c)
		return true
	})
	return due, wait
}

// proposeDue has done what is due about some checks. When that fails the next
// look finds them again.
func (r *Registry) proposeDue(ctx context.Context, due []*api.Check) {
	cmd := &store.ChecksDue{}
	for _, c := range due {
		cmd.Checks = append(cmd.Checks, store.CheckRef{Node: c.Node, CheckID: c.CheckID})
	}
	if _, err := r.propose(ctx, cmd); err != nil {
		r.log.Warn("cannot act on checks that are due, trying again", "checks", len(due), "error", err)
		return
	}
	for _, c := range due {
		if !store.Deregisters(c) {
			continue
		}
		r.log.Info("deregistering a service whose check stayed critical", "node", c.Node, "service", c.ServiceID, "check", c.CheckID,
			"critical_since", time.Unix(0, c.Verdict.CriticalSince).UTC().Format(time.RFC3339))
	}
}

// tellGuarded logs which services have begun to be guarded, and which no longer
// are. It returns those that are now.
func (r *Registry) tellGuarded(st *store.State, before map[string]bool) map[string]bool {
	now := map[string]bool{}
	st.Guarded(func(service string, checks int) {
		now[service] = true
		if !before[service] {
			r.log.Warn("too many instances of a service fail at once, further ones keep their status for a while", "service", service, "checks", checks)
		}
	})
	for service := range before {
		if !now[service] {
			r.log.Info("no instance of a service is guarded any more", "service", service)
		}
	}
	return now
}
