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

// Writers on every server go on while servers are killed, one or all of them,
// at any moment; what was acknowledged is there in the end.
func TestAckedWriteSurvivesKill(t *testing.T) {
	for _, size := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d servers", size), func(t *testing.T) {
			rnd := harness.Random(t)
			c := harness.New(t, harness.Options{Servers: size, Settings: map[string]string{
				// Checkpoints and a log that is cut behind them are part of every round.
				"raft_snapshot_threshold": "40", "raft_trailing_logs": "20", "raft_snapshot_interval": "50ms",
			}})
			l := harness.NewLedger("web")
			w := writers(c, l, 2*size)
			for range harness.Soak(3) {
				harness.During(func() {
					before := w.acked.Load()
					for w.acked.Load() < before+int64(20+rnd.IntN(200)) {
						harness.Pause(rnd, 0, 10*time.Millisecond)()
					}
					victims := []int{rnd.IntN(size)}
					if rnd.IntN(3) == 0 {
						victims = rnd.Perm(size)
					}
					for _, i := range victims {
						c.Kill(i)
					}
					harness.Pause(rnd, 0, 800*time.Millisecond)()
					for _, i := range victims {
						c.Start(i)
					}
				}, len(w.clients), w.work, rnd)
				c.WaitHealthy()
			}
			acked, unknown := l.Acked()
			t.Logf("%d writes acknowledged, the outcome of %d unknown", acked, unknown)
			require.Positive(t, acked)
			c.Verify(l)
		})
	}
}

// writerSet writes to keys that each belong to one worker. After a write with
// an unknown outcome a worker takes new keys, so that every acknowledgement
// promises exactly one value.
type writerSet struct {
	clients []*api.Client
	ledger  *harness.Ledger
	acked   atomic.Int64
	tried   atomic.Int64
	clouded []int
}

func writers(c *harness.Cluster, l *harness.Ledger, n int) *writerSet {
	w := &writerSet{ledger: l, clouded: make([]int, n)}
	for i := range n {
		w.clients = append(w.clients, c.Client(i%c.Len()))
	}
	return w
}

func (w *writerSet) work(worker int, rnd *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	key := fmt.Sprintf("w%d-%d-%d", worker, w.clouded[worker], rnd.IntN(8))
	value := int(w.tried.Add(1))
	if rnd.IntN(8) == 0 {
		value = 0
	}
	switch err := w.ledger.Write(ctx, w.clients[worker], key, value); {
	case err == nil:
		w.acked.Add(1)
	default:
		w.clouded[worker]++
		harness.Pause(rnd, time.Millisecond, 20*time.Millisecond)()
	}
}
