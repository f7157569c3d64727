package harness_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// A server cut off from the others says that it cannot answer; the others go
// on; and all is well again as soon as the network is, without anybody's help.
func TestMinorityGivesErrorsNotLies(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	l := harness.NewLedger("web")
	leads := map[bool]bool{}
	for i := 0; i < c.Len() || !leads[true]; i++ {
		lone := i % c.Len()
		if i >= c.Len() {
			lone = c.WaitLeader() // the old leader's turn, if it had none
		}
		leads[lone == c.WaitLeader()] = true
		t.Run(fmt.Sprintf("server %d, leader %t", lone, lone == c.Leader()), func(t *testing.T) {
			other := (lone + 1) % c.Len()
			old, fresh := fmt.Sprintf("old-%d", i), fmt.Sprintf("new-%d", i)
			require.NoError(t, l.Write(c.Context(), c.Client(lone), old, 1))
			c.Isolate(lone)
			// The majority has a leader again within a second or two.
			harness.AwaitWithin(t, 5*time.Second, "the majority to take writes", func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				return l.Write(ctx, c.Client(other), fresh, 2)
			})
			minorityIsHonest(t, c, l, lone, old, fresh)
			c.Heal()
			harness.AwaitWithin(t, 5*time.Second, "the lone server to come back", func() error {
				_, err := ports(t.Context(), c.Client(lone), nil)
				return err
			})
			have, err := ports(t.Context(), c.Client(lone), nil)
			require.NoError(t, err)
			require.Equal(t, 2, have[fresh])
			require.NoError(t, l.Write(c.Context(), c.Client(lone), old, 4))
			c.WaitHealthy()
		})
	}
	c.Verify(l)
}

// minorityIsHonest asks the lone server everything while the others have moved
// on to a state in which fresh exists.
func minorityIsHonest(t *testing.T, c *harness.Cluster, l *harness.Ledger, lone int, old, fresh string) {
	client := c.Client(lone)
	// All at once: each takes as long as a request is held for want of a leader.
	var write error
	reads := make([]error, 3)
	var asked sync.WaitGroup
	asked.Go(func() { write = l.Write(c.Context(), client, old, 3) })
	for n, q := range []*api.QueryOptions{nil, {Consistency: api.ReadConsistent}, {Index: 1, Wait: time.Second}} {
		asked.Go(func() { _, reads[n] = ports(c.Context(), client, q) })
	}
	asked.Wait()
	require.Error(t, write, "a write on the minority")
	kind := api.ErrorKind(write)
	require.True(t, kind == api.NoLeader || kind == api.OutcomeUnknown, "write: %v: %v", kind, write)
	for n, err := range reads {
		require.ErrorIs(t, err, api.NoLeader, "read %d on the minority", n)
	}
	// A stale read answers, and says how old it is.
	entries, meta, err := client.Health().Service(c.Context(), "web", &api.QueryOptions{Consistency: api.ReadStale})
	require.NoError(t, err)
	for _, e := range entries {
		require.NotEqual(t, fresh, e.Service.ID, "the lone server cannot know")
	}
	require.False(t, meta.KnownLeader)
	require.Positive(t, meta.LastContact)
}

// A leader that can send but not hear must not be believed, nor believe itself.
func TestDeafLeaderIsReplaced(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	l := harness.NewLedger("web")
	deaf := c.WaitLeader()
	for i := range c.Len() {
		if i != deaf {
			c.Cut(i, deaf)
		}
	}
	other := (deaf + 1) % c.Len()
	harness.AwaitWithin(t, 10*time.Second, "another leader", func() error {
		if i := c.Leader(); i < 0 || i == deaf {
			return fmt.Errorf("%d leads", i)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		return l.Write(ctx, c.Client(other), "a", 1)
	})
	_, err := ports(c.Context(), c.Client(deaf), nil)
	require.Error(t, err)
	c.Verify(l)
}

// One broken link between two followers, or between the leader and one of
// them, stops nobody who can reach a majority.
func TestBrokenLinkStopsNobody(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	l := harness.NewLedger("web")
	leader := c.WaitLeader()
	a, b := (leader+1)%c.Len(), (leader+2)%c.Len()
	c.Cut(a, b)
	c.Cut(b, a)
	for i := range c.Len() {
		require.NoError(t, l.Write(c.Context(), c.Client(i), fmt.Sprintf("x%d", i), 1))
	}
	term := c.Stat(leader, "term")
	c.Heal()
	require.NoError(t, l.Write(c.Context(), c.Client(a), "y", 1))
	require.Equal(t, term, c.Stat(leader, "term"), "nobody had a reason for an election")
	c.Verify(l)
}

// ports reads the instances of "web" with their ports.
func ports(ctx context.Context, client *api.Client, q *api.QueryOptions) (map[string]int, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	entries, _, err := client.Health().Service(ctx, "web", q)
	if err != nil {
		return nil, err
	}
	have := map[string]int{}
	for _, e := range entries {
		have[e.Service.ID] = e.Service.Port
	}
	if len(have) != len(entries) {
		return nil, errors.New("an instance is listed twice")
	}
	return have, nil
}
