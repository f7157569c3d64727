package balance

import (
	"context"
	"sync"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// rest is the pause after a refusal that a watch takes for final, such as a
// missing right: somebody may grant it.
const rest = 5 * time.Second

// feed is one long poll on a service, with any number of balancers behind it.
type feed struct {
	empty  func(*feed) // called when the last user left
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex // guards what follows; held while balancers take a list
	users   map[*Balancer]struct{}
	entries []*api.Entry
	seen    bool      // entries is an answer
	at      time.Time // of the last good answer, also of one that brought nothing new
	err     error     // of the read after that; nil while the poll stands
}

// startFeed begins to watch. Its goroutine ends when retire says so.
func startFeed(source lister, service string, q api.QueryOptions, empty func(*feed)) *feed {
	ctx, cancel := context.WithCancel(context.Background())
	f := &feed{empty: empty, cancel: cancel, done: make(chan struct{}), users: map[*Balancer]struct{}{}}
	go f.run(ctx, source, service, q)
	return f
}

func (f *feed) run(ctx context.Context, source lister, service string, q api.QueryOptions) {
	defer close(f.done)
	// The list stands while the registry is away, so trying again soon costs
	// little and ends that state early.
	o := &api.WatchOptions{QueryOptions: q, MaxBackoff: 2 * time.Second, OnError: func(err error, _ time.Duration) { f.note(err) }}
	read := func(ctx context.Context, q *api.QueryOptions) ([]*api.Entry, api.QueryMeta, error) {
		if _, err := f.freshness(); err != nil {
			q.Index = 0 // do not wait: that the registry is back is news enough
		}
		list, meta, err := source.Service(ctx, service, q)
		if err == nil {
			f.note(nil)
		}
		return list, meta, err
	}
	for {
		err := api.Watch(ctx, read, f.deliver, o)
		if ctx.Err() != nil {
			return
		}
		f.note(err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(rest):
		}
	}
}

// note remembers how the last read went.
func (f *feed) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	if err == nil {
		f.at = time.Now()
	}
}

// deliver passes a list on. It runs in the feed's goroutine.
func (f *feed) deliver(list []*api.Entry, _ api.QueryMeta) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entries, f.seen = list, true
	for b := range f.users {
		b.apply(list)
	}
}

// freshness is the time of the last good answer, zero if there was none, and
// the error that the read after it met, nil if it met none so far.
func (f *feed) freshness() (time.Time, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.at, f.err
}

// enter adds a user and gives it the list, if there is one.
func (f *feed) enter(b *Balancer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users[b] = struct{}{}
	if f.seen {
		b.apply(f.entries)
	}
}

// leave removes a user and, if that was the last, returns after the poll has
// ended.
func (f *feed) leave(b *Balancer) {
	f.mu.Lock()
	delete(f.users, b)
	last := len(f.users) == 0
	f.mu.Unlock()
	if !last {
		return
	}
	f.empty(f)
	if f.retired() {
		<-f.done
	}
}

// retire ends the poll if nobody uses it, and reports whether it did.
func (f *feed) retire() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.users) > 0 {
		return false
	}
	f.cancel()
	f.users = nil
	return true
}

// retired reports whether the poll has ended or is about to.
func (f *feed) retired() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.users == nil
}
