package api

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"
)

// transport is the set of servers and the memory of which of them to ask.
type transport struct {
	endpoints          []*endpoint
	current            atomic.Int64 // index of the endpoint that requests go to first
	retryTime          time.Duration
	username, password string
}

func newTransport(c Config, endpoints []*endpoint) *transport {
	t := &transport{endpoints: endpoints, retryTime: c.RetryTime, username: c.Username, password: c.Password}
	if c.Shuffle {
		t.current.Store(rand.Int64N(int64(len(endpoints))))
	}
	return t
}

// only returns a transport for one of the addresses.
func (t *transport) only(addr string) (*transport, error) {
	for _, e := range t.endpoints {
		if e.addr == addr {
			return &transport{endpoints: []*endpoint{e}, retryTime: t.retryTime, username: t.username, password: t.password}, nil
		}
	}
	return nil, E(NotFound, fmt.Sprintf("client has no address %q", addr))
}

// verdict is what follows from an attempt.
type verdict uint8

const (
	giveUp  verdict = iota // this is the answer
	tryNext                // another server may do better
	trySoon                // as tryNext, and so may this one in a moment
)

// judge decides what follows from a failed attempt.
func judge(r *request, a attempt) verdict {
	again := r.read() || r.repeatable
	if a.unsendable {
		return giveUp
	}
	if !a.answered {
		if again || !a.sent {
			return tryNext
		}
		return giveUp
	}
	switch ErrorKind(a.err) {
	case NoLeader, NotLeader: // nothing was changed, whatever the request
		return trySoon
	case Unavailable:
		if again || a.named {
			return trySoon
		}
	case Timeout, OutcomeUnknown:
		if again {
			return tryNext
		}
	}
	if a.status == http.StatusBadGateway && again {
		return tryNext
	}
	return giveUp
}

// lost reports whether a failed attempt at a write may have had an effect.
func lost(r *request, a attempt) bool {
	switch {
	case r.read():
		return false
	case !a.answered:
		return a.sent
	case a.named:
		return ErrorKind(a.err) == OutcomeUnknown
	}
	// Without a kind these are a proxy's words, which passed the request on or
	// did not.
	return a.status == http.StatusServiceUnavailable || a.status == http.StatusGatewayTimeout || a.status == http.StatusBadGateway
}

// do sends a request until a server answers it, or repeating is not allowed or
// of no use.
func (c *Client) do(ctx context.Context, r *request) (*reply, error) {
	start := time.Now()
	pause := newBackoff(25*time.Millisecond, 500*time.Millisecond)
	unknown := false    // an attempt at a write may have had an effect
	var failure attempt // the most telling one so far
	for {
		settling := false
		for _, i := range c.t.round(r.pinned) {
			e := c.t.endpoints[i]
			a := c.send(ctx, e, r)
			if a.err == nil {
				a.reply.meta.Address = e.addr
				a.reply.meta.RequestTime = time.Since(start)
				return a.reply, nil
			}
			unknown = unknown || lost(r, a)
			v := judge(r, a)
			if a.unsendable && failure.err != nil {
				return nil, outcome(failure, unknown)
			}
			if v == giveUp || ctx.Err() != nil {
				return nil, outcome(a, unknown)
			}
			if !r.pinned {
				c.t.leave(i)
			}
			settling = settling || v == trySoon
			if failure.err == nil || a.answered {
				failure = a
			}
		}
		if !settling || time.Since(start) >= c.t.retryTime {
			return nil, outcome(failure, unknown)
		}
		if err := pause.wait(ctx); err != nil {
			return nil, outcome(failure, unknown)
		}
	}
}

// round returns the indexes of the endpoints in the order to try them.
func (t *transport) round(pinned bool) []int {
	n := len(t.endpoints)
	first := int(t.current.Load())
	if pinned {
		return []int{first}
	}
	order := make([]int, n)
	for k := range order {
		order[k] = (first + k) % n
	}
	return order
}

// leave makes requests go to the endpoint after i first, if they still go to i.
func (t *transport) leave(i int) {
	t.current.CompareAndSwap(int64(i), int64((i+1)%len(t.endpoints)))
}

// outcome is the error to return for the last attempt.
func outcome(a attempt, unknown bool) error {
	switch {
	case unknown && ErrorKind(a.err) != OutcomeUnknown:
		return Wrap(OutcomeUnknown, "write may or may not have happened", a.err)
	case a.answered:
		return a.err
	case errors.Is(a.err, context.Canceled), errors.Is(a.err, context.DeadlineExceeded):
		return a.err
	case a.unsendable:
		return a.err
	}
	return Wrap(Unavailable, "no server can be reached", a.err)
}
