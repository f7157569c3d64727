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

// What happened to a service is the same on every server, also when the one
// that it was registered with and that led dies and comes back, and when all
// are started anew. Who follows it through another server is told each event
// once, in order.
func TestHistoryOutlivesServers(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{Settings: map[string]string{"history.max_count": "40"}})
	victim := c.WaitLeader()
	witness := c.Client((victim + 1) % c.Len())
	f := follow(t, witness, "shop")

	at := c.Client(victim)
	require.NoError(t, at.Agent().RegisterService(c.Context(), &api.ServiceRegistration{
		Name: "shop", ID: "shop-1", Address: "192.0.2.7", Port: 80,
		Check: &api.CheckRegistration{CheckID: "ttl", CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}},
	}))
	require.NoError(t, at.Agent().PassTTL(c.Context(), "ttl", "open"))
	require.NoError(t, witness.Agent().FailTTL(c.Context(), "ttl", "closed\nfor good"))
	c.Kill(victim)
	var heir string
	harness.Await(t, "the hand-over to be in the history", func() error {
		events, _, err := witness.History().Service(t.Context(), "shop", nil)
		if err != nil || len(events) != 4 {
			return fmt.Errorf("%d events: %w", len(events), err)
		}
		heir = events[3].To
		return nil
	})
	c.Start(victim)
	c.WaitHealthy()
	// Other names fill what is kept, and push nothing of this one out yet.
	for i := range 20 {
		require.NoError(t, witness.Catalog().Register(c.Context(), &api.CatalogRegistration{Node: "elsewhere", Address: "192.0.2.8", Service: &api.Service{Service: fmt.Sprint("other-", i)}}))
	}
	require.NoError(t, witness.Agent().DeregisterService(c.Context(), "shop-1"))

	owner := c.Name(victim)
	check := func(list []*api.HistoryEvent) {
		t.Helper()
		var told []string
		for i, e := range list {
			require.True(t, i == 0 || list[i-1].Index < e.Index, "%v", told)
			require.False(t, e.Time.IsZero())
			told = append(told, fmt.Sprintf("%s %s %s: %s > %s: %s, %t", e.Kind, e.ServiceID, e.CheckID, e.From, e.To, e.Reason, e.Client != ""))
		}
		require.Equal(t, []string{
			"registered shop-1 :  > : , true",
			"check shop-1 ttl: critical > passing: open, true",
			"check shop-1 ttl: passing > critical: closed, true",
			"moved shop-1 : " + owner + " > " + heir + ": its server failed, false",
			"removed shop-1 :  > : deregistered, true",
		}, told)
	}
	list := everywhere(t, c, func(ctx context.Context, api *api.Client) ([]*api.HistoryEvent, error) {
		events, _, err := api.History().Service(ctx, "shop", nil)
		return events, err
	})
	check(list)
	require.Equal(t, owner, list[0].Server)
	require.Equal(t, c.Name((victim+1)%c.Len()), list[4].Server)
	check(f.stop(t, list[4].Index))

	// The node's own: it failed and came back.
	node := everywhere(t, c, func(ctx context.Context, api *api.Client) ([]*api.HistoryEvent, error) {
		events, _, err := api.History().Node(ctx, owner, nil)
		return events, err
	})
	var turns []string
	for _, e := range node {
		if e.CheckID == api.SerfHealth {
			turns = append(turns, e.Kind+" "+e.To)
		}
	}
	require.Equal(t, []string{"check critical", "check passing"}, turns[len(turns)-2:])

	for i := range c.Len() {
		c.Stop(i)
	}
	for i := range c.Len() {
		c.Start(i)
	}
	c.WaitHealthy()
	check(everywhere(t, c, func(ctx context.Context, api *api.Client) ([]*api.HistoryEvent, error) {
		events, _, err := api.History().Service(ctx, "shop", nil)
		return events, err
	}))
	all, _, err := witness.History().All(c.Context(), nil)
	require.NoError(t, err)
	require.LessOrEqual(t, len(all), 40)
	c.Verify()
}

// everywhere reads a history from every server and returns it, once it is the
// same on all.
func everywhere(t *testing.T, c *harness.Cluster, read func(context.Context, *api.Client) ([]*api.HistoryEvent, error)) (list []*api.HistoryEvent) {
	t.Helper()
	harness.Await(t, "one history everywhere", func() error {
		for i := range c.Len() {
			have, err := read(c.Context(), c.Client(i))
			switch {
			case err != nil:
				return err
			case i == 0:
				list = have
			case fmt.Sprintf("%+v", deref(have)) != fmt.Sprintf("%+v", deref(list)):
				return fmt.Errorf("server %d has\n%+v, server 0\n%+v", i, deref(have), deref(list))
			}
		}
		return nil
	})
	return list
}

func deref(list []*api.HistoryEvent) (out []api.HistoryEvent) {
	for _, e := range list {
		out = append(out, *e)
	}
	return out
}

// follower gathers what blocking queries tell of a service's history.
type follower struct {
	mu     sync.Mutex
	events []*api.HistoryEvent
	done   chan error
	cancel context.CancelFunc
}

func follow(t *testing.T, client *api.Client, service string) *follower {
	ctx, cancel := context.WithCancel(t.Context())
	f := &follower{done: make(chan error, 1), cancel: cancel}
	fetch := func(ctx context.Context, q *api.QueryOptions) ([]*api.HistoryEvent, api.QueryMeta, error) {
		q.After = q.Index
		return client.History().Service(ctx, service, q)
	}
	go func() {
		f.done <- api.Watch(ctx, fetch, func(events []*api.HistoryEvent, _ api.QueryMeta) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, events...)
		}, nil)
	}()
	t.Cleanup(cancel)
	return f
}

// stop waits for the event of the index and returns all.
func (f *follower) stop(t *testing.T, last uint64) []*api.HistoryEvent {
	t.Helper()
	harness.Await(t, "the follower to be told", func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if n := len(f.events); n == 0 || f.events[n-1].Index < last {
			return errors.New("not yet")
		}
		return nil
	})
	f.cancel()
	require.ErrorIs(t, <-f.done, context.Canceled)
	return f.events
}
