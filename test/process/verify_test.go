package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// verify ends a scenario: who is down is started, the cluster becomes healthy
// by itself, all servers show the same catalog, and every promise is kept.
func verify(t *testing.T, p *harness.Processes, ledgers ...*harness.Ledger) {
	t.Helper()
	for i := range p.Len() {
		p.Server(i).Resume()
		if !p.Server(i).Running() {
			p.Start(i)
		}
	}
	p.WaitHealthy()
	for _, l := range ledgers {
		verifyLedger(t, p, l)
	}
	harness.Await(t, "equal catalogs", func() error {
		first, err := catalog(t.Context(), p.Client(0))
		for i := 1; i < p.Len() && err == nil; i++ {
			var other string
			if other, err = catalog(t.Context(), p.Client(i)); err == nil && other != first {
				err = fmt.Errorf("server 0 has\n%s\nserver %d has\n%s", first, i, other)
			}
		}
		return err
	})
}

// verifyLedger compares the ledger with what each server answers.
func verifyLedger(t *testing.T, p *harness.Processes, l *harness.Ledger) {
	t.Helper()
	for i := range p.Len() {
		list, _, err := p.Client(i).Catalog().Service(p.Context(), l.Service(), nil)
		require.NoError(t, err)
		have := map[string]int{}
		for _, s := range list {
			have[s.ServiceID] = s.ServicePort
		}
		require.Len(t, have, len(list))
		l.Check(t, have)
	}
}

// catalog is all that one server's own state shows, as text.
func catalog(ctx context.Context, client *api.Client) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	q := &api.QueryOptions{Consistency: api.ReadStale}
	nodes, _, err := client.Catalog().Nodes(ctx, q)
	if err != nil {
		return "", err
	}
	checks, _, err := client.Health().State(ctx, api.AnyState, q)
	if err != nil {
		return "", err
	}
	keys, _, err := client.KV().List(ctx, "", q)
	if err != nil {
		return "", err
	}
	all := []any{nodes, checks, keys}
	for _, n := range nodes {
		services, _, err := client.Catalog().Node(ctx, n.Node, q)
		if err != nil {
			return "", err
		}
		all = append(all, services)
	}
	b, err := json.Marshal(all)
	return string(b), err
}

func contains(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}
