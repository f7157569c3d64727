package api

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Election chooses one leader among the processes that run for the same key:
// whoever holds it as a lock. Its methods may be used by many goroutines.
type Election struct {
	c   *Client
	key string
	o   *LockOptions
}

// Leadership is who leads, as others see it.
type Leadership struct {
	Value   []byte // LockOptions.Value of the leader
	Session string
	// Token is the leader's, unless somebody else wrote to the key.
	Token FencingToken
}

// Election returns the election for a key. LockOptions.Value is what others
// learn about the leader, such as its address.
func (c *Client) Election(key string, o *LockOptions) *Election {
	return &Election{c: c, key: key, o: o}
}

// Run takes part until ctx ends: whenever elected it calls lead, whose context
// ends with ctx and before another process can be elected. When leadership was
// lost and lead has returned, Run takes part again. When lead returns by
// itself, Run resigns and returns lead's error, nil included. An error before
// the first term, save the wait for it, is returned at once; later ones are
// retried until ctx ends, whose error Run then returns.
func (e *Election) Run(ctx context.Context, lead func(context.Context, FencingToken) error) error {
	pause := newBackoff(100*time.Millisecond, 5*time.Second)
	for first := true; ; {
		l, err := e.c.Lock(ctx, e.key, e.o)
		if err == nil {
			first = false
			pause.reset()
			resigned, err := e.term(ctx, l, lead)
			if resigned {
				return err
			}
		} else if ctx.Err() == nil && (first || !transient(err)) {
			return err
		}
		if pause.wait(ctx) != nil {
			return ctx.Err()
		}
	}
}

// term leads once. Resigned reports that lead returned by itself.
func (e *Election) term(ctx context.Context, l *Lock, lead func(context.Context, FencingToken) error) (resigned bool, err error) {
	work, cancel := context.WithCancel(l.Context())
	stop := context.AfterFunc(ctx, cancel)
	err = lead(work, l.Token())
	resigned = work.Err() == nil
	stop()
	cancel()
	_ = l.letGo(ctx) // if it fails the lease ends by itself
	return resigned, err
}

// Leader returns who leads. The error is of kind NotFound if nobody does; then
// QueryMeta is still right.
func (e *Election) Leader(ctx context.Context, q *QueryOptions) (*Leadership, QueryMeta, error) {
	p, meta, err := e.c.KV().Get(ctx, e.key, q)
	if err == nil && p.Session == "" || errors.Is(err, NotFound) {
		return nil, meta, E(NotFound, fmt.Sprintf("election %s has no leader", e.key))
	}
	if err != nil {
		return nil, meta, err
	}
	return &Leadership{
		Value:   p.Value,
		Session: p.Session,
		Token:   FencingToken{ModifyIndex: p.ModifyIndex, LockIndex: p.LockIndex},
	}, meta, nil
}

// Watch calls fn with who leads, nil while nobody does, now and at each
// change; see the function Watch.
func (e *Election) Watch(ctx context.Context, o *WatchOptions, fn func(*Leadership, QueryMeta)) error {
	return Watch(ctx, func(ctx context.Context, q *QueryOptions) (*Leadership, QueryMeta, error) {
		return orNil(e.Leader(ctx, q))
	}, fn, o)
}
