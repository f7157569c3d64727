// Package balance chooses among the instances of a service that the registry
// lists. A Balancer watches one service, keeps a list of the instances that are
// fit to take a request, and hands them out by a policy:
//
//	b, err := balance.New(client, "greeter")
//	in, done, err := b.Pick(ctx)
//	done.Report(call(in.Addr()))
//
// What callers report back takes failing instances out within one request,
// long before the registry's checks notice. When no server of the registry can
// be reached, the last list stands and Status says how old it is. A Transport
// does all of this for HTTP clients: it resolves http://greeter/… and retries
// elsewhere.
//
// The package needs the standard library and pkg/api only.
package balance

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// firstAnswer is how long Pick waits for the registry's first answer when its
// context allows more: a process that starts while every server is away should
// hear of it.
const firstAnswer = 5 * time.Second

// Balancer hands out the instances of one service. All methods may be called
// from any number of goroutines. Close it when done.
type Balancer struct {
	service string
	o       options
	feed    *feed

	plan  atomic.Pointer[plan] // nil until the registry answered
	ready chan struct{}        // closed when plan is set
	first sync.Once

	mu      sync.Mutex           // guards what follows, and the endpoints' fields that say so
	known   map[string]*endpoint // by identity
	listed  []*endpoint          // in the registry's order
	members []*endpoint          // those that may get requests, ejected or not
	changed chan struct{}        // closed when members differs
	groups  [2]picker            // own zone and other zones; without zones all are in the first
	judged  time.Time            // when success rates were last compared
	wake    chan struct{}        // tells the clock that a deadline may have come nearer
	cancel  context.CancelFunc   // ends the clock
	closed  chan struct{}        // closed by Close
	done    chan struct{}        // closed when the clock is gone
	end     sync.Once
}

// New watches a service through the client and returns at once. The error, of
// kind api.Invalid, is about the name or the options. Balancers of a Directory
// share their long polls; one made here has its own.
func New(client *api.Client, service string, opts ...Option) (*Balancer, error) {
	return NewDirectory(client).Open(service, opts...)
}

// open starts a balancer on a feed that counts it as a user.
func open(service string, o options, subscribe func(*Balancer) *feed) *Balancer {
	ctx, cancel := context.WithCancel(context.Background())
	b := &Balancer{
		service: service,
		o:       o,
		ready:   make(chan struct{}),
		known:   map[string]*endpoint{},
		changed: make(chan struct{}),
		judged:  time.Now(),
		wake:    make(chan struct{}, 1),
		cancel:  cancel,
		closed:  make(chan struct{}),
		done:    make(chan struct{}),
	}
	for i := range b.groups {
		b.groups[i] = o.policy.open()
	}
	b.feed = subscribe(b)
	go b.keepTime(ctx)
	return b
}

// Service is the name of the service.
func (b *Balancer) Service() string { return b.service }

// Pick returns an instance to send one request to. The caller reports the
// outcome through Done, exactly once. Before the registry's first answer Pick
// waits, for five seconds at most; after that it neither blocks nor allocates.
// The error is ctx's, or of kind api.Unavailable when there is no instance to
// use.
func (b *Balancer) Pick(ctx context.Context) (Instance, Done, error) {
	return b.PickExcept(ctx, nil)
}

// PickExcept is Pick that passes over the instances for which skip, if not
// nil, returns true: those that the same request has already been to. When it
// passes over all usable ones it returns an ejected one. Skip must not call the
// balancer.
func (b *Balancer) PickExcept(ctx context.Context, skip func(Instance) bool) (Instance, Done, error) {
	p := b.plan.Load()
	if p == nil {
		if err := b.await(ctx); err != nil {
			return Instance{}, Done{}, err
		}
		p = b.plan.Load()
	}
	q := query{skip: skip}
	if b.o.policy.keyed {
		q.hash = hashOf(ctx)
	}
	e := p.pick(q)
	if e == nil {
		return Instance{}, Done{}, p.err
	}
	if h := b.o.hook.Picked; h != nil {
		h(Instance{e})
	}
	return Instance{e}, Done{e}, nil
}

// await waits for the first answer of the registry.
func (b *Balancer) await(ctx context.Context) error {
	t := time.NewTimer(firstAnswer)
	defer t.Stop()
	select {
	case <-b.ready:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-b.closed:
		return api.E(api.Unavailable, fmt.Sprintf("balancer of service %s is closed", b.service))
	case <-t.C:
	}
	_, err := b.feed.freshness()
	if err == nil {
		return api.E(api.Unavailable, fmt.Sprintf("registry has not answered about service %s yet", b.service))
	}
	return api.Wrap(api.Unavailable, fmt.Sprintf("nothing is known of service %s", b.service), err)
}

// Instances returns the instances that may get requests, ejected ones
// included, and a channel that is closed when that list differs. The list is
// the caller's; it is empty before the registry's first answer, which also
// closes the channel.
func (b *Balancer) Instances() ([]Instance, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Instance, len(b.members))
	for i, e := range b.members {
		list[i] = Instance{e}
	}
	return list, b.changed
}

// Close ends the watch and returns when the balancer's goroutines are gone.
// Pick goes on with the last list, if there is one.
func (b *Balancer) Close() error {
	b.end.Do(func() {
		close(b.closed)
		b.feed.leave(b)
		b.cancel()
	})
	<-b.done
	return nil
}

// keepTime does what falls due: ejections that end, instances that have warmed
// up a little more, success rates to be compared.
func (b *Balancer) keepTime(ctx context.Context) {
	defer close(b.done)
	timer := time.NewTimer(b.o.ejection.Interval)
	defer timer.Stop()
	for {
		due := false
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
		case <-timer.C:
			due = true
		}
		b.mu.Lock()
		now := time.Now()
		if due {
			b.judge(now)
			b.rebuild(now)
		}
		next := b.deadline(now)
		b.mu.Unlock()
		timer.Reset(next)
	}
}

// deadline is the time until something falls due next. The caller holds mu.
func (b *Balancer) deadline(now time.Time) time.Duration {
	next := b.judged.Add(b.o.ejection.Interval)
	for _, e := range b.listed {
		if e.ejected && e.until.Before(next) {
			next = e.until
		}
		if t := e.nextStep(now, b.o.slowStart); !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	return max(next.Sub(now), time.Millisecond)
}

// nudge makes the clock look at its deadlines anew.
func (b *Balancer) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}
