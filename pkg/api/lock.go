package api

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// LockFlag marks keys that are locks. It is the value Consul's own clients
// use, so that both respect each other's locks.
const LockFlag uint64 = 0x2ddccbc058a50c18

// Lock is a key that this process holds. Work done under it must use Context,
// which ends before anyone else can get the lock. Its methods may be used by
// many goroutines.
type Lock struct {
	key   string
	value []byte
	lease *lease
	token FencingToken

	release sync.Once
	err     error // of Release
}

// Lock takes a key as a lock, waiting for as long as another holds it or ctx
// allows. The caller must Release it. Ctx bounds the waiting, not the holding.
//
// An error on the first request is returned at once; once it waits, Lock
// outlasts servers and leaders. An error of kind Conflict means that the key
// is used for something else.
func (c *Client) Lock(ctx context.Context, key string, o *LockOptions) (*Lock, error) {
	return c.lock(ctx, key, o, true)
}

// TryLock is Lock without waiting: if another holds the key, or its lock-delay
// runs, the error is of kind Conflict.
func (c *Client) TryLock(ctx context.Context, key string, o *LockOptions) (*Lock, error) {
	return c.lock(ctx, key, o, false)
}

// WithLock takes a lock, runs fn and releases the lock. The context given to
// fn ends with ctx, and before the lease can have expired. If the lock was
// lost while fn ran the error is of kind Conflict or Unavailable, joined with
// fn's.
func (c *Client) WithLock(ctx context.Context, key string, o *LockOptions, fn func(context.Context, FencingToken) error) error {
	l, err := c.Lock(ctx, key, o)
	if err != nil {
		return err
	}
	work, cancel := context.WithCancel(l.Context())
	stop := context.AfterFunc(ctx, cancel)
	err = fn(work, l.Token())
	stop()
	cancel()
	return errors.Join(err, l.letGo(ctx))
}

// Context ends before the lease can have expired, as soon as the lock is seen
// lost, and with Release. context.Cause tells which.
func (l *Lock) Context() context.Context { return l.lease.ctx }

// Token tells this holder from all others of the key.
func (l *Lock) Token() FencingToken { return l.token }

// Key returns the name of the lock.
func (l *Lock) Key() string { return l.key }

// Session returns the ID of the session that holds the key.
func (l *Lock) Session() string { return l.lease.id }

// Release ends Context and lets go of the lock, so that the next may have it
// at once. The error says if the lock had been lost before (kind Conflict or
// Unavailable), or that letting go failed, and the lock stays until its TTL is
// over. Further calls return what the first returned.
func (l *Lock) Release(ctx context.Context) error {
	l.release.Do(func() {
		l.err = l.lease.release(ctx, "lock "+l.key, func(ctx context.Context) error {
			_, err := l.put(ctx, "release")
			return err
		})
	})
	return l.err
}

// letGo is Release when ctx may have ended.
func (l *Lock) letGo(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.lease.ttl/3)
	defer cancel()
	return l.Release(ctx)
}

// put writes the key with an acquire or release for our session, which nobody
// else uses: repeating it does no harm.
func (l *Lock) put(ctx context.Context, verb string) (bool, error) {
	p := &KVPair{Key: l.key, Value: l.value, Flags: LockFlag}
	return l.lease.c.KV().put(ctx, p, url.Values{verb: {l.lease.id}}, true)
}

func (c *Client) lock(ctx context.Context, key string, o *LockOptions, wait bool) (*Lock, error) {
	if err := named("lock key", key); err != nil {
		return nil, err
	}
	l := &Lock{key: key}
	opts := o.withDefaults("lock " + key)
	l.value = opts.Value
	err := c.contend(ctx, opts, SessionRelease, wait, func(ctx context.Context, lease *lease) error {
		l.lease = lease
		return l.acquire(ctx, wait)
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// acquire takes the key for the lease, waiting for it if asked to. Whether it
// worked is read, not believed: the reading also brings the token.
func (l *Lock) acquire(ctx context.Context, wait bool) error {
	delay := newBackoff(100*time.Millisecond, time.Second)
	q := &QueryOptions{Wait: time.Minute}
	for first := true; ; first = false {
		p, meta, err := orNil(l.lease.c.KV().Get(ctx, l.key, q))
		var done bool
		switch {
		case err != nil:
		case p != nil && p.Flags != LockFlag:
			return E(Conflict, fmt.Sprintf("key %s is not used as a lock", l.key))
		case p != nil && p.Session == l.lease.id:
			l.token = FencingToken{ModifyIndex: p.ModifyIndex, LockIndex: p.LockIndex}
			l.watch()
			return nil
		case p != nil && p.Session != "":
			if !wait {
				return E(Conflict, fmt.Sprintf("lock %s is held by session %s", l.key, p.Session))
			}
			q.Index = max(meta.Index, 1)
			continue
		default:
			done, err = l.put(ctx, "acquire")
			if err == nil && !done && !wait {
				return E(Conflict, fmt.Sprintf("lock %s is held by another, or was until just now", l.key))
			}
		}
		q.Index = 0
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && (first || !wait || !transient(err)):
			return err
		case done:
			continue
		}
		// Free and yet refused: a lock-delay runs, of whose end no index tells.
		if delay.wait(ctx) != nil {
			return context.Cause(ctx)
		}
	}
}

// watch ends the lease when the key is seen in other hands.
func (l *Lock) watch() {
	watchLease(l.lease, func(ctx context.Context, q *QueryOptions) (*KVPair, QueryMeta, error) {
		return orNil(l.lease.c.KV().Get(ctx, l.key, q))
	}, func(p *KVPair) error {
		if p == nil || p.Session != l.lease.id {
			return E(Conflict, "it was taken away")
		}
		return nil
	})
}
