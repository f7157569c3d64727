package balance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// fakeRegistry is one service of a registry, with blocking reads.
type fakeRegistry struct {
	mu      sync.Mutex
	entries []*api.Entry
	index   uint64
	err     error
	news    chan struct{} // closed at each change
	reads   int
	waiting int
}

func newFakeRegistry(entries ...*api.Entry) *fakeRegistry {
	return &fakeRegistry{entries: entries, index: 1, news: make(chan struct{})}
}

// Service is a lister's one method.
func (r *fakeRegistry) Service(ctx context.Context, _ string, q *api.QueryOptions) ([]*api.Entry, api.QueryMeta, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	limit := time.NewTimer(q.Wait)
	defer limit.Stop()
	for expired := false; r.err == nil && q.Index >= r.index && !expired; {
		news := r.news
		r.waiting++
		r.mu.Unlock()
		select {
		case <-news:
		case <-limit.C:
			expired = true
		case <-ctx.Done():
		}
		r.mu.Lock()
		r.waiting--
		if ctx.Err() != nil {
			return nil, api.QueryMeta{}, ctx.Err()
		}
	}
	return r.entries, api.QueryMeta{Index: r.index}, r.err
}

// set changes the list.
func (r *fakeRegistry) set(entries ...*api.Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = entries
	r.index++
	close(r.news)
	r.news = make(chan struct{})
}

// fail makes reads fail, or work again if err is nil.
func (r *fakeRegistry) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	close(r.news)
	r.news = make(chan struct{})
}

var errAway = api.E(api.Unavailable, "no server can be reached")

// entry is a passing instance with its own address; change may alter it.
func entry(id string, change ...func(*api.Entry)) *api.Entry {
	x := &api.Entry{
		Node:    &api.Node{Node: "node-" + id, Address: "10.0.0.1"},
		Service: &api.Service{ID: id, Service: "web", Address: "host-" + id, Port: 80},
		Checks:  []*api.Check{{CheckID: "c", Status: api.Passing}},
	}
	for _, f := range change {
		f(x)
	}
	return x
}

func entries(n int, change ...func(*api.Entry)) []*api.Entry {
	list := make([]*api.Entry, n)
	for i := range list {
		list[i] = entry(fmt.Sprintf("%04d", i), change...)
	}
	return list
}

func status(s string) func(*api.Entry) {
	return func(x *api.Entry) { x.Checks[0].Status = s }
}

// at gives an entry the address of another.
func at(id string) func(*api.Entry) {
	return func(x *api.Entry) { x.Service.Address = "host-" + id }
}

func weight(passing int) func(*api.Entry) {
	return func(x *api.Entry) { x.Service.Weights = &api.Weights{Passing: passing, Warning: 1} }
}

func inZone(z string) func(*api.Entry) {
	return func(x *api.Entry) { x.Service.Meta = map[string]string{"zone": z} }
}

// openOn returns a balancer of the registry that closes with the test.
func openOn(t testing.TB, r lister, opts ...Option) *Balancer {
	b, err := newDirectory(r).Open("web", opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// counts picks n times, reports success at once, and returns how often each
// instance was picked, by ID.
func counts(t testing.TB, b *Balancer, n int) map[string]int {
	got := map[string]int{}
	for range n {
		in, done, err := b.Pick(t.Context())
		require.NoError(t, err)
		got[in.ID()]++
		done.Report(nil)
	}
	return got
}

var errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
