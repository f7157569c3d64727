package harness

import (
	"fmt"
	"testing"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// Await asks f until it returns nil, and fails the test with its last error if
// that takes longer than patience.
func Await(tb testing.TB, what string, f func() error) {
	tb.Helper()
	AwaitWithin(tb, patience, what, f)
}

// AwaitWithin is Await with another limit.
func AwaitWithin(tb testing.TB, limit time.Duration, what string, f func() error) {
	tb.Helper()
	begun := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Since(begun) > limit {
			tb.Fatalf("%s: not within %v: %v", what, limit, err)
		}
		select {
		case <-tick.C:
		case <-tb.Context().Done():
			tb.Fatalf("%s: test is over: %v", what, err)
		}
	}
}

// Leader returns the number of the server that says that it leads, -1 if none
// does. An old leader that does not know better yet may say so too; then it is
// the one of the higher term that counts.
func (c *Cluster) Leader() int {
	leader, highest := -1, uint64(0)
	for i := range c.members {
		l := c.life(i)
		if l == nil || !l.server.Registry().Cluster().IsLeader() {
			continue
		}
		if term := l.term(); leader < 0 || term > highest {
			leader, highest = i, term
		}
	}
	return leader
}

// WaitLeader waits until a majority has a leader that serves, and returns its
// number.
func (c *Cluster) WaitLeader() int {
	c.tb.Helper()
	leader := -1
	Await(c.tb, "a leader", func() error {
		i := c.Leader()
		if i < 0 {
			return fmt.Errorf("none")
		}
		l := c.life(i)
		if l == nil {
			return fmt.Errorf("leader %d died", i)
		}
		if _, err := l.server.Registry().Read(c.tb.Context(), consistent); err != nil {
			return err
		}
		leader = i
		return nil
	})
	return leader
}

// WaitHealthy waits until every running server is a voter that is marked alive
// in the catalog, on each of them.
func (c *Cluster) WaitHealthy() {
	c.tb.Helper()
	c.WaitLeader()
	Await(c.tb, "a healthy cluster", func() error {
		for i := range c.members {
			if err := c.seesAll(i); err != nil {
				return fmt.Errorf("server %d: %w", i, err)
			}
		}
		return nil
	})
}

// seesAll returns an error unless a server sees all that run as healthy; nil for
// one that is down.
func (c *Cluster) seesAll(i int) error {
	l := c.life(i)
	if l == nil {
		return nil
	}
	r := l.server.Registry()
	list, _, err := r.Cluster().Servers(c.tb.Context())
	if err != nil {
		return err
	}
	voters := map[string]bool{}
	for _, s := range list {
		voters[s.ID] = s.Voter
	}
	st := r.State()
	for j, m := range c.members {
		if !c.Running(j) {
			continue
		}
		if !voters[m.id] {
			return fmt.Errorf("%s is no voter", m.name)
		}
		v := st.NodeByID(m.id)
		if v == nil {
			return fmt.Errorf("%s is not in the catalog", m.name)
		}
		if !v.Alive() || v.Node.Address != m.host {
			return fmt.Errorf("%s is %s: %s at %s", m.name, api.SerfHealth, api.Critical, v.Node.Address)
		}
	}
	return nil
}

// Stat returns a figure of the raft section of a running server's statistics.
func (c *Cluster) Stat(i int, name string) string {
	c.tb.Helper()
	return c.Server(i).Registry().Cluster().Stats()[name]
}
