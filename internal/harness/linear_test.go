package harness_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// Clients of every server register, deregister and read the same few services
// while the cluster is in trouble; what they were told must have happened in
// one order, whichever server told it.
func TestCatalogIsLinearizable(t *testing.T) {
	for _, mode := range []struct {
		name string
		q    *api.QueryOptions
	}{
		{"default", nil},
		{"consistent", &api.QueryOptions{Consistency: api.ReadConsistent}},
	} {
		t.Run(mode.name, func(t *testing.T) {
			var values atomic.Int64
			linearizable(t, func(h *harness.History, c *api.Client, worker int, rnd *rand.Rand) error {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				service := fmt.Sprintf("s%d", rnd.IntN(3))
				switch rnd.IntN(4) {
				case 0:
					return h.WriteInstance(ctx, worker, c, service, int(values.Add(1)))
				case 1:
					if rnd.IntN(4) == 0 {
						return h.WriteInstance(ctx, worker, c, service, 0)
					}
				}
				return h.ReadInstance(ctx, worker, c, service, mode.q)
			})
		})
	}
}

// history is what linearizable needs of a record of what clients saw.
type history interface {
	fmt.Stringer
	Verify(tb testing.TB)
}

// linearizable lets clients work on a cluster in trouble, and checks what they
// saw.
func linearizable(t *testing.T, work func(h *harness.History, c *api.Client, worker int, rnd *rand.Rand) error) {
	c := harness.New(t, harness.Options{})
	h := harness.NewHistory()
	inTrouble(t, c, h, func(c *api.Client, worker int, rnd *rand.Rand) error { return work(h, c, worker, rnd) })
}

// troubled is how many workers work on a cluster in trouble.
const troubled = 6

// inTrouble lets clients of all servers work while the cluster is in trouble,
// then checks what they saw and the cluster.
func inTrouble(t *testing.T, c *harness.Cluster, h history, work func(c *api.Client, worker int, rnd *rand.Rand) error) {
	rnd := harness.Random(t)
	clients := make([]*api.Client, troubled)
	for i := range clients {
		clients[i] = c.Client(i % c.Len())
	}
	var worked atomic.Int64
	harness.During(func() {
		pause := harness.Pause(rnd, 300*time.Millisecond, 900*time.Millisecond)
		troubles := harness.Troubles()
		for range harness.Soak(3) {
			trouble := troubles[rnd.IntN(len(troubles))]
			t.Log(trouble.Name)
			trouble.Do(c, rnd, pause)
			before := worked.Load()
			harness.Await(t, "work after "+trouble.Name, func() error {
				if done := worked.Load() - before; done < 20 {
					return fmt.Errorf("%d operations done", done)
				}
				return nil
			})
		}
	}, len(clients), func(worker int, rnd *rand.Rand) {
		if err := work(clients[worker], worker, rnd); err == nil {
			worked.Add(1)
		}
		// Few enough operations for the checker, spread over the trouble.
		harness.Pause(rnd, time.Millisecond, 6*time.Millisecond)()
	}, rnd)
	t.Log(h)
	require.Positive(t, worked.Load())
	h.Verify(t)
	c.Verify()
}
