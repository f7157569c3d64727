package balance

import (
	"context"
	"sync"

	"github.com/registryd/registryd/pkg/api"
)

// lister is the one read that a feed needs; api.Health has it.
type lister interface {
	Service(ctx context.Context, name string, q *api.QueryOptions) ([]*api.Entry, api.QueryMeta, error)
}

// Directory opens balancers that share their long polls: however many there
// are of a service, and whatever their policies, the registry sees one watcher
// of it. A process needs one Directory. It owns nothing once its balancers are
// closed.
type Directory struct {
	source lister
	mu     sync.Mutex
	feeds  map[string]*feed
}

// NewDirectory returns a directory that asks through the client.
func NewDirectory(client *api.Client) *Directory { return newDirectory(client.Health()) }

func newDirectory(source lister) *Directory {
	return &Directory{source: source, feeds: map[string]*feed{}}
}

// Open returns a new balancer of a service, as New does.
func (d *Directory) Open(service string, opts ...Option) (*Balancer, error) {
	o, err := resolve(service, opts)
	if err != nil {
		return nil, err
	}
	return open(service, o, func(b *Balancer) *feed { return d.join(b) }), nil
}

// join subscribes b to the feed of its service and query, which starts if b is
// the first.
func (d *Directory) join(b *Balancer) *feed {
	key := feedKey(b.service, b.o.query)
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.feeds[key]
	if f == nil {
		f = startFeed(d.source, b.service, b.o.query, func(f *feed) { d.drop(key, f) })
		d.feeds[key] = f
	}
	f.enter(b)
	return f
}

// drop forgets a feed if it has no users, and reports so to the feed, which
// then ends.
func (d *Directory) drop(key string, f *feed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.feeds[key] == f && f.retire() {
		delete(d.feeds, key)
	}
}
