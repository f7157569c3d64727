package balance

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// TransportConfig says how a Transport sends requests. The zero value retries
// what may be repeated, and does not hedge.
type TransportConfig struct {
	// Base sends single requests; nil means an http.Transport of its own that
	// gives up on connecting after a second.
	Base http.RoundTripper
	// Attempts is how many instances one request may go to; 0 means 3, 1 means
	// that nothing is retried.
	Attempts int
	// AttemptTimeout bounds the time to an attempt's response header; 0 means
	// that only the request's own context does.
	AttemptTimeout time.Duration
	// Budget bounds retries and hedges, over all requests.
	Budget Budget
	// RetryStatus is which answers to repeatable requests are failures worth a
	// retry; nil means 502, 503 and 504.
	RetryStatus []int
	// HedgeAfter sends a repeatable request that has had no answer for so long
	// to a second instance too, and takes the first good answer; 0 means never.
	HedgeAfter time.Duration
	// BufferRequest is how many bytes of a request's body are kept so that it
	// can be sent again; 0 means 64 KiB, negative none. Bodies with GetBody
	// need no keeping.
	BufferRequest int64
	// BufferResponse reads answers up to this many bytes before they are
	// returned, so that a connection lost in their middle is still retried; 0
	// means that answers are passed on as they come.
	BufferResponse int64
	// Key returns the key of a request for ConsistentHash; nil means that the
	// key of its context counts.
	Key func(*http.Request) string
	// Observe, if not nil, is told of each attempt when its header has come or
	// it has failed.
	Observe func(Attempt)
}

// Attempt tells how one attempt at a request went.
type Attempt struct {
	Service  string
	Instance Instance
	Number   int  // from 1
	Hedge    bool // sent while an earlier one was under way
	Status   int  // 0 if there was no answer
	Err      error
	Duration time.Duration // until the header, or the error
}

// Transport is an http.RoundTripper whose URLs name services:
// http://greeter/hello goes to an instance of greeter. It keeps the Host
// header, "greeter" here, so that servers see the name. It opens a Balancer for
// each name on first use and keeps it until Close; the names should come from
// the program, not from its users.
//
// A request that no connection could be opened for is retried elsewhere,
// whatever its method, as nothing was sent. GET, HEAD, OPTIONS, TRACE, PUT,
// DELETE and requests with an Idempotency-Key header are retried after other
// errors too, and after answers of RetryStatus. Each retry goes to an instance
// that the request has not been to, as long as there is one.
type Transport struct {
	c      TransportConfig
	budget *budget
	open   func(service string) (*Balancer, error)
	own    bool           // close the balancers
	active sync.WaitGroup // requests under way and attempts that hedging left behind

	mu        sync.Mutex
	balancers map[string]*Balancer
	closed    bool
}

// Transport returns a Transport for all services, with balancers opened with
// the options.
func (d *Directory) Transport(c TransportConfig, opts ...Option) *Transport {
	return newTransport(c, true, func(service string) (*Balancer, error) { return d.Open(service, opts...) })
}

// Transport returns a Transport that sends every request to the balancer's
// service, whatever host its URL names. Its Close leaves the balancer open.
func (b *Balancer) Transport(c TransportConfig) *Transport {
	return newTransport(c, false, func(string) (*Balancer, error) { return b, nil })
}

func newTransport(c TransportConfig, own bool, open func(string) (*Balancer, error)) *Transport {
	if c.Base == nil {
		c.Base = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: time.Second, KeepAlive: 15 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     90 * time.Second,
			ForceAttemptHTTP2:   true,
		}
	}
	if c.Attempts <= 0 {
		c.Attempts = 3
	}
	if c.RetryStatus == nil {
		c.RetryStatus = []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
	}
	if c.BufferRequest == 0 {
		c.BufferRequest = 64 << 10
	}
	return &Transport{c: c, own: own, open: open, budget: newBudget(c.Budget), balancers: map[string]*Balancer{}}
}

// RoundTrip sends a request to an instance of the service that its URL's host
// names. When all attempts failed, the last one's answer or error is returned.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	b, err := t.enter(req.URL.Hostname())
	if err != nil {
		closeBody(req)
		return nil, err
	}
	defer t.active.Done()
	t.budget.deposit()
	x := t.exchange(b, req)
	defer x.body.finish()
	if t.c.HedgeAfter > 0 && x.repeatable && x.body.plain() {
		return x.hedged()
	}
	return x.serial()
}

// enter counts a request and returns the balancer of its service.
func (t *Transport) enter(service string) (*Balancer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, api.E(api.Unavailable, "transport is closed")
	}
	if !t.own {
		service = ""
	}
	b := t.balancers[service]
	if b == nil {
		var err error
		if b, err = t.open(service); err != nil {
			return nil, err
		}
		t.balancers[service] = b
	}
	t.active.Add(1)
	return b, nil
}

// Status returns the state of all balancers in use, in order of their names.
func (t *Transport) Status() []Status {
	t.mu.Lock()
	var list []*Balancer
	for _, name := range sortedKeys(t.balancers) {
		list = append(list, t.balancers[name])
	}
	t.mu.Unlock()
	var out []Status
	for _, b := range list {
		out = append(out, b.Status())
	}
	return out
}

// CloseIdleConnections closes the idle connections of the base, if it can.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.c.Base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// Close refuses further requests, waits until those under way are answered or
// have failed, and closes idle connections and the balancers that the
// transport opened.
func (t *Transport) Close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.active.Wait()
	t.CloseIdleConnections()
	t.mu.Lock()
	list := t.balancers
	t.balancers = nil
	t.mu.Unlock()
	if t.own {
		for _, b := range list {
			_ = b.Close()
		}
	}
	return nil
}

// repeatable reports whether sending the request twice does what sending it
// once does.
func repeatable(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return req.Header.Get("Idempotency-Key") != ""
}

// exchange is a request on its way.
func (t *Transport) exchange(b *Balancer, req *http.Request) *exchange {
	x := &exchange{t: t, b: b, req: req, ctx: req.Context(), repeatable: repeatable(req), body: newReplay(req, t.c.BufferRequest)}
	if t.c.Key != nil {
		x.ctx = WithKey(x.ctx, t.c.Key(req))
	}
	return x
}

// exchange holds what the attempts at one request share.
type exchange struct {
	t          *Transport
	b          *Balancer
	req        *http.Request
	ctx        context.Context
	repeatable bool
	body       *replay
	tried      []Instance
}
