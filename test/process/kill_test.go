package process_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
)

// smallLog makes checkpoints and truncation a part of every round.
const smallLog = `-hcl=raft_snapshot_threshold = 60 raft_trailing_logs = 20 raft_snapshot_interval = "50ms"`

// kill -9 of any server, or all at once, at any moment while clients write.
func TestAckedWriteSurvivesKill(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	p := harness.NewProcesses(t, binary(), 3, smallLog)
	l := harness.NewLedger("web")
	w := newWriters(t, p, l, 6)
	for round := range harness.Soak(4) {
		harness.During(func() {
			w.await(rnd.IntN(300))
			victims := []int{rnd.IntN(p.Len())}
			switch round % 4 {
			case 1:
				victims = []int{p.WaitLeader()}
			case 3:
				victims = rnd.Perm(p.Len())
			}
			for _, i := range victims {
				p.Server(i).Kill()
			}
			harness.Pause(rnd, 0, 500*time.Millisecond)()
			for _, i := range victims {
				p.Start(i)
			}
		}, w.len(), w.work, rnd)
		p.WaitHealthy()
	}
	acked, unknown := l.Acked()
	t.Logf("%d writes acknowledged, the outcome of %d unknown", acked, unknown)
	require.Positive(t, acked)
	verify(t, p, l)
}

// A server that is killed again while it comes up, as by an impatient
// supervisor, loses nothing either.
func TestAckedWriteSurvivesKillWhileStarting(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	p := harness.NewProcesses(t, binary(), 1, smallLog)
	l := harness.NewLedger("web")
	w := newWriters(t, p, l, 2)
	for range harness.Soak(2) {
		harness.During(func() { w.await(80) }, w.len(), w.work, rnd)
		p.Server(0).Kill()
		for range 4 {
			p.Launch(0)
			harness.Pause(rnd, 0, 60*time.Millisecond)()
			p.Server(0).Kill()
		}
		p.Start(0)
		p.WaitHealthy()
		verifyLedger(t, p, l)
	}
	verify(t, p, l)
}

// writerSet writes to keys that each belong to one worker. After a write with
// an unknown outcome the worker takes new keys, so that every acknowledgement
// promises exactly one value.
type writerSet struct {
	t       *testing.T
	p       *harness.Processes
	ledger  *harness.Ledger
	clouded []int
	acked   atomic.Int64
	tried   atomic.Int64
}

func newWriters(t *testing.T, p *harness.Processes, l *harness.Ledger, n int) *writerSet {
	for i := range p.Len() {
		p.Client(i) // made here, used by the workers
	}
	return &writerSet{t: t, p: p, ledger: l, clouded: make([]int, n)}
}

func (w *writerSet) len() int { return len(w.clouded) }

func (w *writerSet) work(worker int, rnd *rand.Rand) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	key := fmt.Sprintf("w%d-%d-%d", worker, w.clouded[worker], rnd.IntN(8))
	value := int(w.tried.Add(1))
	if rnd.IntN(8) == 0 {
		value = 0
	}
	if err := w.ledger.Write(ctx, w.p.Client(worker%w.p.Len()), key, value); err != nil {
		w.clouded[worker]++
		harness.Pause(rnd, time.Millisecond, 20*time.Millisecond)()
		return
	}
	w.acked.Add(1)
}

// await waits until n more writes are acknowledged.
func (w *writerSet) await(n int) {
	before := w.acked.Load()
	harness.Await(w.t, fmt.Sprintf("%d writes", n), func() error {
		if done := w.acked.Load() - before; done < int64(n) {
			return fmt.Errorf("%d are done", done)
		}
		return nil
	})
}
