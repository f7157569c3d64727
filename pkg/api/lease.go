package api

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// FencingToken tells holders of the same lock apart: of two, the later one has
// the greater ModifyIndex, whatever became of the key in between. Work that
// must not be done twice carries it along, and who receives the work refuses
// a token lower than the highest it has seen: a process that was suspended and
// wakes up after its lease has ended cannot do harm then.
type FencingToken struct {
	// ModifyIndex is the raft index at which the lock was taken.
	ModifyIndex uint64
	// LockIndex counts the holders of the key. A plain write to the key or
	// its removal sets it back, so prefer ModifyIndex.
	LockIndex uint64
}

// lease is a session that is kept alive, and a context that ends before the
// session can have expired.
//
// The server counts a session's TTL from when it handles a renewal, which is
// after the renewal was sent. So the lease is good until TTL after the last
// successful renewal was sent, by our own monotonic clock, and the context
// ends a margin earlier.
type lease struct {
	c      *Client
	id     string
	ttl    time.Duration
	margin time.Duration

	ctx    context.Context // ends with the lease; its cause says why
	cancel context.CancelCauseFunc
	expiry *time.Timer // ends ctx in time, whatever the renewal is stuck in
	tasks  sync.WaitGroup
}

// LockOptions refine a lock, a semaphore slot or an election. Nil and the zero
// value will do.
type LockOptions struct {
	// Value is stored with the key while it is held, for others to see.
	Value []byte
	// TTL is for how long the lock stays taken when its holder vanishes; 0
	// means 15 s. Servers refuse less than 10 s unless configured to.
	TTL time.Duration
	// Margin is how long before the lease could end the holder's context
	// ends, which is the time its work has to stop; 0 means a fifth of TTL.
	Margin time.Duration
	// LockDelay is for how long nobody gets the lock after a holder's session
	// ended without a release; 0 means the server's 15 s, negative none. It
	// gives work that does not heed its context time to stop.
	LockDelay time.Duration
	// Name of the session, for people; empty means "lock KEY".
	Name string
}

// withDefaults returns the options with all fields set.
func (o *LockOptions) withDefaults(name string) LockOptions {
	var d LockOptions
	if o != nil {
		d = *o
	}
	if d.TTL <= 0 {
		d.TTL = 15 * time.Second
	}
	if d.Margin <= 0 {
		d.Margin = d.TTL / 5
	}
	d.Margin = min(d.Margin, d.TTL/2)
	if d.Name == "" {
		d.Name = name
	}
	return d
}

// openLease makes a session and keeps it until stop. Ctx bounds the making
// only.
func (c *Client) openLease(ctx context.Context, o LockOptions, behavior string) (*lease, error) {
	c = c.within(o.TTL / 6) // a stuck server must leave time to ask another
	start := time.Now()
	id, err := c.Sessions().Create(ctx, &SessionRequest{
		Name:      o.Name,
		TTL:       o.TTL,
		LockDelay: o.LockDelay,
		Behavior:  behavior,
		// The session must outlive the server it was made through: only its
		// TTL ends it.
		NodeChecks: []string{},
	})
	if err != nil {
		return nil, err
	}
	l := &lease{c: c, id: id, ttl: o.TTL, margin: o.Margin}
	l.ctx, l.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	l.expiry = time.AfterFunc(l.left(start), func() {
		l.cancel(E(Unavailable, "lease could not be renewed in time"))
	})
	l.tasks.Go(l.keep)
	return l, nil
}

// left is how long the context may live on when the last renewal was sent at
// start.
func (l *lease) left(start time.Time) time.Duration {
	return time.Until(start.Add(l.ttl - l.margin))
}

// keep renews the session until the lease ends.
func (l *lease) keep() {
	for sleep(l.ctx, l.ttl/3) == nil {
		pause := newBackoff(l.ttl/100, l.ttl/10)
		for {
			sent := time.Now()
			_, err := l.c.Sessions().Renew(l.ctx, l.id)
			if err == nil {
				l.expiry.Reset(l.left(sent))
				break
			}
			if errors.Is(err, NotFound) {
				l.cancel(Wrap(Conflict, "session ended", err))
			}
			if pause.wait(l.ctx) != nil {
				return
			}
		}
	}
}

// watchLease runs check against each state that fetch reads, and ends the lease
// when that returns an error. Errors of reading are not the lease's end.
func watchLease[T any](l *lease, fetch Fetch[T], check func(T) error) {
	l.tasks.Go(func() {
		_ = Watch(l.ctx, fetch, func(state T, _ QueryMeta) {
			if err := check(state); err != nil {
				l.cancel(err)
			}
		}, nil)
	})
}

// stop ends the context and waits for the lease's goroutines. The session is
// still there.
func (l *lease) stop() {
	l.cancel(context.Canceled)
	l.tasks.Wait()
	l.expiry.Stop()
}

// release stops, gives back by giveBack what was held, and ends the session.
// The error says that it had been lost before, or is held on.
func (l *lease) release(ctx context.Context, what string, giveBack func(context.Context) error) error {
	lost := l.lost()
	l.stop()
	err := giveBack(ctx)
	if l.c.Sessions().Destroy(ctx, l.id) == nil {
		err = nil // with its session everything is given back
	}
	switch {
	case lost != nil:
		return fmt.Errorf("%s was lost: %w", what, lost)
	case err != nil:
		return fmt.Errorf("release %s: %w", what, err)
	}
	return nil
}

// abandon ends a lease that holds nothing, also if ctx has ended: else the
// session would linger until its TTL is over.
func (l *lease) abandon(ctx context.Context) {
	l.stop()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.ttl/6)
	defer cancel()
	_ = l.c.Sessions().Destroy(ctx, l.id)
}

// lost is why the lease ended, or nil while it is good.
func (l *lease) lost() error {
	if l.ctx.Err() == nil {
		return nil
	}
	return context.Cause(l.ctx)
}

// contend opens a lease and has acquire take something under it, with a
// context that ends with the lease. If the lease is lost meanwhile and wait is
// set, it starts over. A lease under which nothing was taken is ended here.
func (c *Client) contend(ctx context.Context, o LockOptions, behavior string, wait bool, acquire func(context.Context, *lease) error) error {
	pause := newBackoff(100*time.Millisecond, 5*time.Second)
	for first := true; ; first = false {
		l, err := c.openLease(ctx, o, behavior)
		if err != nil {
			if first || !transient(err) {
				return err
			}
		} else {
			both, cancel := context.WithCancelCause(ctx)
			detach := context.AfterFunc(l.ctx, func() { cancel(l.lost()) })
			err = acquire(both, l)
			detach()
			cancel(nil)
			if err == nil {
				return nil
			}
			again := wait && l.lost() != nil
			l.abandon(ctx)
			if !again {
				return err
			}
		}
		if pause.wait(ctx) != nil {
			return ctx.Err()
		}
	}
}

// transient reports whether an error may be gone a moment later.
func transient(err error) bool {
	switch ErrorKind(err) {
	case Internal, RateLimited, Unavailable, NotLeader, NoLeader, OutcomeUnknown, Timeout:
		return true
	}
	return false
}
