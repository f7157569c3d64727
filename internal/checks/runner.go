package checks

import (
	"context"
	"crypto/tls"
	"sync"
	"time"
)

// Runner runs the checks it was told to. All methods are safe for concurrent
// use.
type Runner struct {
	cfg    Config // DiscardOutput is guarded by mu, the rest never changes
	prober *prober
	epoch  time.Time // moments count from here

	ctx   context.Context // ends at Close
	stop  context.CancelFunc
	wg    sync.WaitGroup // every goroutine of the runner
	kick  chan struct{}  // the first deadline is earlier than the clock knows
	ready chan struct{}  // pending is not empty

	mu      sync.Mutex
	closed  bool
	tasks   map[ID]*task
	queue   deadlines
	quick   *lane         // of probes, for checks that end soon
	slow    *lane         // for those whose last run was slow
	pending []*task       // wait for the emitter, in order
	emitted chan struct{} // closed and replaced whenever Emit has returned
}

// NewRunner starts a runner that runs nothing yet. It must be closed.
func NewRunner(cfg Config) *Runner {
	cfg = cfg.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	r := &Runner{
		cfg:     cfg,
		prober:  newProber(cfg),
		epoch:   time.Now(),
		ctx:     ctx,
		stop:    stop,
		kick:    make(chan struct{}, 1),
		ready:   make(chan struct{}, 1),
		tasks:   make(map[ID]*task),
		quick:   newLane(),
		slow:    newLane(),
		emitted: make(chan struct{}),
	}
	r.wg.Go(r.runClock)
	r.wg.Go(r.runEmitter)
	return r
}

// Close stops all checks and returns when every goroutine, probe and child
// process of the runner is gone. Transitions that Emit has not taken are
// dropped. Calling it again is harmless.
func (r *Runner) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stop()
	r.wg.Wait()
}

// Running returns how many checks are run here.
func (r *Runner) Running() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.tasks)
}

// Snapshot returns what the check says now, which may not have been sent yet:
// its output changes here long before the catalog hears of it. ok is false when
// the check is not run here.
func (r *Runner) Snapshot(id ID) (status, output string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tasks[id]
	if t == nil {
		return "", "", false
	}
	return t.status, t.output, true
}

// SetDiscardOutput changes Config.DiscardOutput for what is reported from now
// on.
func (r *Runner) SetDiscardOutput(discard bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cfg.DiscardOutput = discard
}

// SetTLSConfig changes Config.TLSConfig for probes that begin from now on.
func (r *Runner) SetTLSConfig(c *tls.Config) { r.prober.setTLS(c) }

// now returns the present moment; it is never 0.
func (r *Runner) now() moment { return moment(time.Since(r.epoch)) + 1 }

// after returns the moment that is d later than m.
func (m moment) after(d time.Duration) moment { return m + moment(d) }

// signal wakes the goroutine that waits on c, once.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
