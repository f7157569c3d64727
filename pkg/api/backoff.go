package api

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff spaces out attempts: each pause is twice as long as the last, up to
// a limit, and shortened by up to half at random so that many clients that
// failed together do not come back together. The zero value is not usable.
type backoff struct {
	first, limit time.Duration
	next         time.Duration
}

func newBackoff(first, limit time.Duration) *backoff {
	return &backoff{first: first, limit: limit, next: first}
}

// reset makes the next pause a first one.
func (b *backoff) reset() { b.next = b.first }

// step returns the length of the next pause.
func (b *backoff) step() time.Duration {
	d := b.next
	b.next = min(2*d, b.limit)
	return jitter(d)
}

// wait pauses. It returns the context's error if that ends first.
func (b *backoff) wait(ctx context.Context) error { return sleep(ctx, b.step()) }

// jitter returns a random duration between d/2 and d.
func jitter(d time.Duration) time.Duration {
	if d <= 1 {
		return d
	}
	return d/2 + rand.N(d/2+1)
}

// sleep pauses for d, or until the context ends, whose error it then returns.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
