package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"
)

// SemaphoreFlag marks keys that belong to a semaphore. It is the value
// Consul's own clients use, whose layout of keys this is, too: below the
// prefix each contender has a key named by its session, and ".lock" lists who
// of them holds a slot.
const SemaphoreFlag uint64 = 0xe0f69a2baa414de0

// Semaphore is one of a limited number of slots, held by this process. As with
// Lock, work must use Context. Its methods may be used by many goroutines.
type Semaphore struct {
	prefix string
	limit  int
	value  []byte
	lease  *lease
	token  FencingToken

	release sync.Once
	err     error // of Release
}

// slots is the content of the key that says who holds what.
type slots struct {
	Limit   int
	Holders map[string]bool
}

// Semaphore takes one of limit slots below prefix, waiting for as long as all
// are taken or ctx allows. All contenders must name the same limit, else the
// error is of kind Conflict. The caller must Release the slot. Ctx bounds the
// waiting, not the holding.
func (c *Client) Semaphore(ctx context.Context, prefix string, limit int, o *LockOptions) (*Semaphore, error) {
	return c.semaphore(ctx, prefix, limit, o, true)
}

// TrySemaphore is Semaphore without waiting: if all slots are taken the error
// is of kind Conflict.
func (c *Client) TrySemaphore(ctx context.Context, prefix string, limit int, o *LockOptions) (*Semaphore, error) {
	return c.semaphore(ctx, prefix, limit, o, false)
}

// Context ends before the lease can have expired, as soon as the slot is seen
// lost, and with Release. context.Cause tells which.
func (s *Semaphore) Context() context.Context { return s.lease.ctx }

// Token tells this holder from all others of the semaphore; its LockIndex is
// always 0.
func (s *Semaphore) Token() FencingToken { return s.token }

// Session returns the ID of the session that holds the slot.
func (s *Semaphore) Session() string { return s.lease.id }

// Release ends Context and gives the slot back; errors are as for
// Lock.Release.
func (s *Semaphore) Release(ctx context.Context) error {
	s.release.Do(func() {
		s.err = s.lease.release(ctx, "slot of semaphore "+s.prefix, s.leave)
	})
	return s.err
}

func (c *Client) semaphore(ctx context.Context, prefix string, limit int, o *LockOptions, wait bool) (*Semaphore, error) {
	prefix = strings.TrimSuffix(prefix, "/")
	if err := named("semaphore prefix", prefix); err != nil {
		return nil, err
	}
	if limit < 1 {
		return nil, E(Invalid, "semaphore limit must be at least 1")
	}
	s := &Semaphore{prefix: prefix, limit: limit}
	opts := o.withDefaults("semaphore " + prefix)
	s.value = opts.Value
	// The contender's key goes with its session.
	err := c.contend(ctx, opts, SessionDelete, wait, func(ctx context.Context, lease *lease) error {
		s.lease = lease
		return s.acquire(ctx, wait)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// acquire enters the contest and waits for a slot if asked to.
func (s *Semaphore) acquire(ctx context.Context, wait bool) error {
	pause := newBackoff(20*time.Millisecond, time.Second)
	q := &QueryOptions{Wait: time.Minute}
	entered, got := false, false
	for first := true; ; first = false {
		var err error
		if entered {
			got, err = s.try(ctx, q, wait)
		} else {
			entered, err = s.enter(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case got:
			s.watch()
			return nil
		case err == nil:
			pause.reset()
			continue
		case first || !wait || !transient(err):
			return err
		}
		q.Index = 0
		if pause.wait(ctx) != nil {
			return context.Cause(ctx)
		}
	}
}

// enter writes the contender's key, locked by its session.
func (s *Semaphore) enter(ctx context.Context) (bool, error) {
	p := &KVPair{Key: s.contender(), Value: s.value, Flags: SemaphoreFlag}
	done, err := s.lease.c.KV().put(ctx, p, url.Values{"acquire": {s.lease.id}}, true)
	if err == nil && !done {
		err = E(Conflict, fmt.Sprintf("key %s is held by another", p.Key))
	}
	return done, err
}

// try reads who holds what, waiting for news if q says so, and takes a slot if
// one is free.
func (s *Semaphore) try(ctx context.Context, q *QueryOptions, wait bool) (bool, error) {
	list, meta, err := s.lease.c.KV().List(ctx, s.prefix+"/", q)
	if err != nil {
		return false, err
	}
	held, index, err := s.parse(list)
	if err != nil {
		return false, err
	}
	if held.Holders[s.lease.id] {
		// Taken by an attempt whose answer was lost, and the token with it:
		// the key's index may be that of the next holder by now. So strike us
		// out, and take a slot anew.
		delete(held.Holders, s.lease.id)
		_, err := s.write(ctx, held, index)
		return false, err
	}
	if len(held.Holders) >= s.limit {
		if !wait {
			return false, E(Conflict, fmt.Sprintf("all %d slots of semaphore %s are taken", s.limit, s.prefix))
		}
		q.Index = max(meta.Index, 1)
		return false, nil
	}
	held.Holders[s.lease.id] = true
	q.Index = 0
	at, err := s.write(ctx, held, index)
	if errors.Is(err, OutcomeUnknown) {
		err = nil // the next reading tells
	}
	s.token = FencingToken{ModifyIndex: at}
	return at != 0, err
}

// parse finds the slots and drops holders whose session is gone. The index is
// that of the slots' key, 0 if there is none yet.
func (s *Semaphore) parse(list []*KVPair) (held slots, index uint64, err error) {
	alive := map[string]bool{}
	for _, p := range list {
		if p.Session != "" {
			alive[p.Session] = true
		}
		if p.Key != s.lockKey() {
			continue
		}
		if p.Flags != SemaphoreFlag {
			return held, 0, E(Conflict, fmt.Sprintf("key %s is not used as a semaphore", p.Key))
		}
		index = p.ModifyIndex
		if err := json.Unmarshal(p.Value, &held); err != nil {
			return held, 0, Wrap(Conflict, fmt.Sprintf("key %s is not used as a semaphore", p.Key), err)
		}
	}
	if index != 0 && held.Limit != s.limit {
		return held, 0, E(Conflict, fmt.Sprintf("semaphore %s has a limit of %d, not %d", s.prefix, held.Limit, s.limit))
	}
	holders := map[string]bool{}
	for id := range held.Holders {
		if alive[id] {
			holders[id] = true
		}
	}
	held.Holders = holders
	return held, index, nil
}

// write replaces the slots if they are as they were at index, and returns the
// index of the write, or 0 if they are not. It is a transaction, since only
// the answer to one tells the index: what is read later may be another's.
func (s *Semaphore) write(ctx context.Context, held slots, index uint64) (at uint64, err error) {
	held.Limit = s.limit
	value, err := encode(held)
	if err != nil {
		return 0, err
	}
	r, err := s.lease.c.Txn(ctx, []*TxnOp{{KV: &TxnKVOp{
		Verb: TxnCAS, Key: s.lockKey(), Value: value, Flags: SemaphoreFlag, Index: index,
	}}}, nil)
	switch {
	case errors.Is(err, Conflict):
		return 0, nil
	case err != nil:
		return 0, err
	case len(r.Results) != 1 || r.Results[0].KV == nil:
		return 0, E(OutcomeUnknown, fmt.Sprintf("the answer to a write of key %s has no result", s.lockKey()))
	}
	return r.Results[0].KV.ModifyIndex, nil
}

// leave strikes us out of the slots.
func (s *Semaphore) leave(ctx context.Context) error {
	for {
		list, _, err := s.lease.c.KV().List(ctx, s.prefix+"/", nil)
		if err != nil {
			return err
		}
		held, index, err := s.parse(list)
		if err != nil || !held.Holders[s.lease.id] {
			return err
		}
		delete(held.Holders, s.lease.id)
		if at, err := s.write(ctx, held, index); at != 0 || err != nil {
			return err
		}
	}
}

// watch ends the lease when the slot is seen lost.
func (s *Semaphore) watch() {
	watchLease(s.lease, func(ctx context.Context, q *QueryOptions) ([]*KVPair, QueryMeta, error) {
		return s.lease.c.KV().List(ctx, s.prefix+"/", q)
	}, func(list []*KVPair) error {
		held, _, err := s.parse(list)
		if err == nil && !held.Holders[s.lease.id] {
			err = E(Conflict, "it was taken away")
		}
		return err
	})
}

func (s *Semaphore) lockKey() string   { return s.prefix + "/.lock" }
func (s *Semaphore) contender() string { return s.prefix + "/" + s.lease.id }
