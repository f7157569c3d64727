package harness_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// Watchers on every server learn of each change soon, whatever happens to the
// leader between their question and the change, and are not woken without one.
func TestBlockingQueryMissesNothing(t *testing.T) {
	rnd := harness.Random(t)
	c := harness.New(t, harness.Options{})
	l := harness.NewLedger("web")
	require.NoError(t, l.Write(c.Context(), c.AnyClient(), "a", 1))

	ctx, stop := context.WithCancel(t.Context())
	var ended sync.WaitGroup
	t.Cleanup(func() { stop(); ended.Wait() })
	watchers := make([]*watcher, 2*c.Len())
	for i := range watchers {
		w := &watcher{client: c.Client(i % c.Len())}
		if i >= c.Len() {
			w.query.Consistency = api.ReadStale
		}
		watchers[i] = w
		ended.Go(func() { w.run(ctx) })
	}

	writer := c.AnyClient()
	pause := harness.Pause(rnd, 50*time.Millisecond, 700*time.Millisecond)
	troubles := harness.Troubles()
	value := 1
	for range harness.Soak(5) {
		trouble := troubles[rnd.IntN(len(troubles))]
		t.Log(trouble.Name)
		harness.During(func() { trouble.Do(c, rnd, pause) }, 1, func(_ int, rnd *rand.Rand) {
			value++
			// What fails may have happened as well; the next write decides.
			_ = l.Write(c.Context(), writer, "a", value)
			harness.Pause(rnd, time.Millisecond, 20*time.Millisecond)()
		}, rnd)
		value++
		harness.Await(t, "a write after "+trouble.Name, func() error { return l.Write(c.Context(), writer, "a", value) })
		for i, w := range watchers {
			harness.AwaitWithin(t, 5*time.Second, fmt.Sprintf("watcher %d to see %d after %s", i, value, trouble.Name), func() error { return w.saw(value) })
		}
	}
	for i, w := range watchers {
		answers, failures, wrong := w.sum()
		t.Logf("watcher %d: %d answers, %d errors", i, answers, failures)
		require.NoError(t, wrong, "watcher %d", i)
	}
	c.Verify(l)
}

// watcher asks one server again and again for what is newer than what it has.
type watcher struct {
	client *api.Client
	query  api.QueryOptions

	mu                sync.Mutex
	value             int
	answers, failures int
	wrong             error
}

func (w *watcher) run(ctx context.Context) {
	q := w.query
	q.Wait = 10 * time.Minute // far longer than the test: only a change ends a wait
	for ctx.Err() == nil {
		entries, meta, err := w.client.WithTimeout(-1).Health().Service(ctx, "web", &q)
		if err != nil {
			w.mu.Lock()
			w.failures++
			w.mu.Unlock()
			harness.Pause(rand.New(rand.NewPCG(1, 1)), 5*time.Millisecond, 10*time.Millisecond)()
			continue
		}
		w.note(q.Index, meta.Index, entries)
		q.Index = meta.Index
	}
}

// note checks an answer: something must have changed, and forwards.
func (w *watcher) note(before, index uint64, entries []*api.Entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers++
	if len(entries) == 0 && w.value == 0 {
		return // a stale read may come before the first write
	}
	if len(entries) != 1 {
		w.wrong = errors.Join(w.wrong, fmt.Errorf("%d instances at index %d, asked for what is newer than %d", len(entries), index, before))
		return
	}
	port := entries[0].Service.Port
	switch {
	case index <= before:
		w.wrong = errors.Join(w.wrong, fmt.Errorf("index %d was followed by %d", before, index))
	case before > 0 && port == w.value:
		w.wrong = errors.Join(w.wrong, fmt.Errorf("woken at %d by index %d though nothing changed", before, index))
	}
	w.value = port
}

// sum returns what the watcher has been through.
func (w *watcher) sum() (answers, failures int, wrong error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answers, w.failures, w.wrong
}

// saw returns nil if the newest answer has the value.
func (w *watcher) saw(value int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.value != value {
		return fmt.Errorf("it has %d", w.value)
	}
	return nil
}
