package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// Fence has contenders hold one lock who care for nothing: they write as its
// holder until they are refused, also long after their lease has ended. It
// remembers with which fencing token each write came through, and when. The
// times in which holders could write must not overlap, neither by raft's index
// nor by the clock. Safe for concurrent use by different workers.
type Fence struct {
	lock    string
	ttl     time.Duration
	tenures []tenure // by worker

	mu    sync.Mutex
	begun time.Time
	seen  []fenced
}

// tenure is what a worker has of the lock.
type tenure struct {
	session string
	token   api.FencingToken // zero while it does not hold the lock
}

// fenced is one proof that the holder with the token held the lock at some time
// between call and end.
type fenced struct {
	token     api.FencingToken
	session   string
	call, end time.Duration
	index     uint64 // raft's, of a write; 0 for the look at the token
}

// NewFence returns a Fence around a lock for a number of workers. Sessions have
// the TTL, which the servers must allow, and no lock-delay: nothing but the
// lease and the token keep holders apart.
func NewFence(lock string, workers int, ttl time.Duration) *Fence {
	return &Fence{lock: lock, ttl: ttl, tenures: make([]tenure, workers), begun: time.Now()}
}

// errHeld is what Do returns to who has to wait.
var errHeld = api.E(api.Conflict, "another holds the lock")

// Do does one step of a worker: it asks for the lock, or writes as its holder.
func (f *Fence) Do(ctx context.Context, c *api.Client, worker int, rnd *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	t := &f.tenures[worker]
	switch {
	case t.session == "":
		id, err := c.Sessions().Create(ctx, &api.SessionRequest{TTL: f.ttl, LockDelay: -1, NodeChecks: []string{}})
		t.session = id
		return err
	case t.token.ModifyIndex == 0:
		return f.acquire(ctx, c, t)
	}
	switch n := rnd.IntN(100); {
	case n < 5:
		err := c.Sessions().Destroy(ctx, t.session)
		*t = tenure{}
		return err
	case n < 15:
		_, err := c.Sessions().Renew(ctx, t.session)
		return err // one that is refused is no reason to stop writing here
	case n < 20:
		Pause(rnd, f.ttl/2, 2*f.ttl)() // suspended; it wakes up and goes on
	}
	for range 5 {
		if err := f.write(ctx, c, t); err != nil || t.token.ModifyIndex == 0 {
			return err
		}
	}
	return nil
}

// acquire asks for the lock, and notes the token if it is ours.
func (f *Fence) acquire(ctx context.Context, c *api.Client, t *tenure) error {
	done, err := c.KV().Acquire(ctx, &api.KVPair{Key: f.lock, Session: t.session})
	if errors.Is(err, api.Refused) && strings.Contains(err.Error(), "invalid session") {
		*t = tenure{}
		return nil
	}
	if err == nil && !done {
		return errHeld
	}
	if err != nil {
		return err
	}
	call := time.Since(f.begun)
	p, _, err := c.KV().Get(ctx, f.lock, nil)
	if err != nil || p.Session != t.session {
		return err
	}
	t.token = api.FencingToken{ModifyIndex: p.ModifyIndex, LockIndex: p.LockIndex}
	f.note(fenced{token: t.token, session: t.session, call: call, end: time.Since(f.begun)})
	return nil
}

// write writes as the holder, in a transaction that is refused to anybody else.
func (f *Fence) write(ctx context.Context, c *api.Client, t *tenure) error {
	call := time.Since(f.begun)
	res, err := c.Txn(ctx, []*api.TxnOp{
		{KV: &api.TxnKVOp{Verb: api.TxnCheckSession, Key: f.lock, Session: t.session}},
		{KV: &api.TxnKVOp{Verb: api.TxnSet, Key: f.lock + "/work", Value: fmt.Append(nil, call.Nanoseconds())}},
	}, nil)
	if errors.Is(err, api.Conflict) {
		*t = tenure{}
		return nil
	}
	if err != nil {
		return err
	}
	for _, r := range res.Results {
		if r.KV != nil && r.KV.Key != f.lock {
			f.note(fenced{token: t.token, session: t.session, call: call, end: time.Since(f.begun), index: r.KV.ModifyIndex})
		}
	}
	return nil
}

func (f *Fence) note(w fenced) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, w)
}

// Counts returns how many writes came through, and how many holders there were.
func (f *Fence) Counts() (writes, holders int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.seen {
		if w.index == 0 {
			holders++
		} else {
			writes++
		}
	}
	return writes, holders
}

// String tells how much was seen.
func (f *Fence) String() string {
	writes, holders := f.Counts()
	return fmt.Sprintf("%d writes by %d holders", writes, holders)
}

// Verify fails the test if two holders overlap, or tokens do not tell them
// apart in the right order.
func (f *Fence) Verify(tb testing.TB) {
	tb.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, problem := range overlaps(f.seen) {
		tb.Error(problem)
	}
}

// overlaps tells what is wrong with holders of a lock.
func overlaps(seen []fenced) (problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	owner := map[api.FencingToken]string{}
	for _, w := range seen {
		if other, ok := owner[w.token]; ok && other != w.session {
			wrong("sessions %s and %s have the same token %+v", other, w.session, w.token)
		}
		owner[w.token] = w.session
	}
	tokens := make([]api.FencingToken, 0, len(owner))
	for t := range owner {
		tokens = append(tokens, t)
	}
	slices.SortFunc(tokens, func(a, b api.FencingToken) int { return cmp.Compare(a.ModifyIndex, b.ModifyIndex) })
	for i := range tokens[min(1, len(tokens)):] {
		if tokens[i].LockIndex >= tokens[i+1].LockIndex {
			wrong("token %+v comes before %+v by ModifyIndex and not by LockIndex", tokens[i], tokens[i+1])
		}
	}

	// By raft's index, which is the order in which writes came through.
	byIndex := slices.DeleteFunc(slices.Clone(seen), func(w fenced) bool { return w.index == 0 })
	slices.SortFunc(byIndex, func(a, b fenced) int { return cmp.Compare(a.index, b.index) })
	var newest fenced
	for _, w := range byIndex {
		if w.token.ModifyIndex < newest.token.ModifyIndex {
			wrong("write %d with token %+v comes after write %d with token %+v", w.index, w.token, newest.index, newest.token)
		}
		if w.index <= w.token.ModifyIndex {
			wrong("write %d comes before its token %+v", w.index, w.token)
		}
		newest = w
	}

	// By the clock: nothing begins with a token after a greater one was in use.
	byEnd, byCall := slices.Clone(seen), slices.Clone(seen)
	slices.SortFunc(byEnd, func(a, b fenced) int { return cmp.Compare(a.end, b.end) })
	slices.SortFunc(byCall, func(a, b fenced) int { return cmp.Compare(a.call, b.call) })
	newest = fenced{}
	for _, w := range byCall {
		for len(byEnd) > 0 && byEnd[0].end < w.call {
			if byEnd[0].token.ModifyIndex > newest.token.ModifyIndex {
				newest = byEnd[0]
			}
			byEnd = byEnd[1:]
		}
		if w.token.ModifyIndex < newest.token.ModifyIndex {
			wrong("from %v to %v token %+v was in use, and before that, from %v to %v, %+v", w.call, w.end, w.token, newest.call, newest.end, newest.token)
		}
	}
	return problems
}
