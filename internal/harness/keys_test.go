package harness_test

import (
	"math/rand/v2"
	"testing"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// Keys, check-and-set and transactions have one order of events, too.
func TestKeysAreLinearizable(t *testing.T) {
	for _, mode := range []struct {
		name string
		q    *api.QueryOptions
	}{
		{"default", nil},
		{"consistent", &api.QueryOptions{Consistency: api.ReadConsistent}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			k := harness.NewKeyWork(mode.q)
			linearizable(t, func(h *harness.History, c *api.Client, worker int, rnd *rand.Rand) error {
				return k.Do(t.Context(), h, c, worker, rnd)
			})
		})
	}
}
