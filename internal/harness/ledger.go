package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Ledger remembers which writes were acknowledged. Each key is written by one
// goroutine at a time. Safe for concurrent use with different keys.
type Ledger struct {
	name string // of the service whose instances are the keys

	mu   sync.Mutex
	keys map[string]*promise
}

// promise is what must be true of one key in the end: it has the value that was
// acknowledged last, 0 being absence, or one whose outcome nobody knew. Such a
// write may still be under way when a later one is acknowledged and come after
// it; who wants to know exactly goes on with another key.
type promise struct {
	last    int
	unknown []int
	acked   int
}

func (p *promise) allows(value int) bool { return value == p.last || slices.Contains(p.unknown, value) }

// NewLedger returns a ledger whose keys are the instances of a service.
func NewLedger(service string) *Ledger {
	return &Ledger{name: service, keys: map[string]*promise{}}
}

// Write registers the instance key with the value as its port, or deregisters
// it if the value is 0, and remembers what that promises. It returns the error.
func (l *Ledger) Write(ctx context.Context, c *api.Client, key string, value int) error {
	err := writeInstance(ctx, c, l.name, key, value)
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.keys[key]
	if p == nil {
		p = &promise{}
		l.keys[key] = p
	}
	switch {
	case err == nil:
		p.last = value
		p.acked++
	case !nothingHappened(err):
		p.unknown = append(p.unknown, value)
	}
	return err
}

// Acked returns how many writes were acknowledged, and how many ended with
// nobody knowing.
func (l *Ledger) Acked() (acked, unknown int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.keys {
		acked += p.acked
		unknown += len(p.unknown)
	}
	return acked, unknown
}

// verify fails the test for each promise that the state breaks.
func (l *Ledger) verify(tb testing.TB, st *store.State) {
	tb.Helper()
	l.Check(tb, func() map[string]int {
		have := map[string]int{}
		if v, _ := st.Service(l.name); v != nil {
			for _, i := range v.Instances {
				have[i.Service.ID] = i.Service.Port
			}
		}
		return have
	}())
}

// Check fails the test for each promise that the values, by key, break.
func (l *Ledger) Check(tb testing.TB, have map[string]int) {
	tb.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, p := range l.keys {
		if !p.allows(have[key]) {
			tb.Errorf("service %s: %s is %d; acknowledged last was %d, of %d writes, and unknown is the outcome of %v", l.name, key, have[key], p.last, p.acked, p.unknown)
		}
	}
	for key, value := range have {
		if l.keys[key] == nil {
			tb.Errorf("service %s: %s is %d, which nobody wrote", l.name, key, value)
		}
	}
}

// writeInstance registers or deregisters an instance on a node of its own, so
// that writes to different keys have nothing in common.
func writeInstance(ctx context.Context, c *api.Client, service, key string, value int) error {
	node := "node-" + key
	if value == 0 {
		return c.Catalog().Deregister(ctx, &api.CatalogDeregistration{Node: node, ServiceID: key})
	}
	return c.Catalog().Register(ctx, &api.CatalogRegistration{
		Node: node, Address: "192.0.2.1",
		Service: &api.Service{ID: key, Service: service, Port: value, Meta: map[string]string{"value": fmt.Sprint(value)}},
	})
}

// nothingHappened reports whether the error promises that the write was not
// done and never will be.
func nothingHappened(err error) bool {
	return errors.Is(err, api.NoLeader) || errors.Is(err, api.NotLeader) || errors.Is(err, api.Unavailable)
}

// Service returns the name of the service whose instances are the keys.
func (l *Ledger) Service() string { return l.name }
