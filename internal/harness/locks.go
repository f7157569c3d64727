package harness

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/registryd/registryd/pkg/api"
)

// LockHistory records what contenders for locks were told, to find out whether
// one order of events explains it all: who held which lock, with which
// LockIndex, and which guarded writes came through. Its sessions have no
// lock-delay, no TTL and no checks: they end when they are destroyed only, so
// everything that happens is in the history. Each session is used for one lock.
// Safe for concurrent use.
type LockHistory struct{ recorder }

// NewLockHistory returns an empty history.
func NewLockHistory() *LockHistory { return &LockHistory{recorder{begun: time.Now()}} }

// lockVerb is what an operation does to a lock.
type lockVerb uint8

const (
	lockAcquire lockVerb = iota
	lockRelease
	lockDestroy // ends the session
	lockGuard   // writes elsewhere on the condition that the session holds the lock
	lockLook    // reads the holder and LockIndex
)

var lockWords = [...]string{"acquire", "release", "destroy", "guarded write", "look"}

// lockOp is one operation on a lock. Session is empty for lockLook.
type lockOp struct {
	lock    string
	verb    lockVerb
	session string
}

func (o lockOp) register() string { return o.lock }

// lockOutcome is what an operation told.
type lockOutcome struct {
	done    bool // of all but lockLook and lockDestroy
	ended   bool // of lockAcquire: the session does not exist
	holder  string
	index   uint64 // of lockLook: LockIndex
	unknown bool
}

// lockState is what is true of a lock: comparable, as the checker wants it.
type lockState struct {
	holder string
	index  uint64
	ended  string // the sessions that are no more, in order, each with a comma
}

func (s lockState) over(session string) bool { return strings.Contains(s.ended, session+",") }

func (s lockState) end(session string) lockState {
	if s.over(session) {
		return s
	}
	all := strings.SplitAfter(s.ended+session+",", ",")
	all = all[:len(all)-1]
	slices.Sort(all)
	s.ended = strings.Join(all, "")
	if s.holder == session {
		s.holder = ""
	}
	return s
}

// locks is the model: one holder at a time, LockIndex grows by one with each,
// and a session that has ended neither holds nor gets a lock.
func locks() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return lockState{} },
		Step: func(state, input, output any) (bool, any) {
			s, op, out := state.(lockState), input.(lockOp), output.(lockOutcome)
			holds := s.holder == op.session
			switch op.verb {
			case lockAcquire:
				can := !s.over(op.session) && (holds || s.holder == "")
				if can && (out.done || out.unknown) {
					if !holds {
						s.holder, s.index = op.session, s.index+1
					}
					return true, s
				}
				return out.unknown || out.done == can && out.ended == s.over(op.session), s
			case lockRelease:
				if holds && (out.done || out.unknown) {
					s.holder = ""
					return true, s
				}
				return out.unknown || out.done == holds, s
			case lockDestroy:
				return true, s.end(op.session)
			case lockGuard:
				return out.unknown || out.done == holds, s
			}
			return out.holder == s.holder && out.index == s.index, s
		},
		DescribeOperation: func(input, output any) string { return lockLine(input.(lockOp), output.(lockOutcome)) },
	}
}

func lockLine(op lockOp, out lockOutcome) string {
	what := fmt.Sprintf("%s %s %.8s", lockWords[op.verb], op.lock, op.session)
	switch {
	case out.unknown:
		return what + ": unknown"
	case op.verb == lockLook:
		return fmt.Sprintf("%s: held by %q, LockIndex %d", what, fmt.Sprintf("%.8s", out.holder), out.index)
	case out.ended:
		return what + ": the session has ended"
	}
	return fmt.Sprintf("%s: %t", what, out.done)
}

// do runs an operation and records it, by the rules of History.Do.
func (h *LockHistory) do(clientID int, op lockOp, f func() (lockOutcome, error)) error {
	call := time.Since(h.begun)
	out, err := f()
	end := int64(time.Since(h.begun))
	if err != nil {
		if op.verb == lockLook || nothingHappened(err) {
			return err
		}
		out.unknown, end = true, math.MaxInt64
	}
	h.add(porcupine.Operation{ClientId: clientID, Input: op, Output: out, Call: int64(call), Return: end})
	return err
}

// Acquire tries to get the lock for a session, and records that.
func (h *LockHistory) Acquire(ctx context.Context, clientID int, c *api.Client, lock, session string) (done bool, err error) {
	err = h.do(clientID, lockOp{lock, lockAcquire, session}, func() (lockOutcome, error) {
		var err error
		done, err = c.KV().Acquire(ctx, &api.KVPair{Key: lock, Session: session, Value: []byte(session)})
		if errors.Is(err, api.Refused) && strings.Contains(err.Error(), "invalid session") {
			return lockOutcome{ended: true}, nil
		}
		return lockOutcome{done: done}, err
	})
	return done, err
}

// Release gives the lock back, and records that.
func (h *LockHistory) Release(ctx context.Context, clientID int, c *api.Client, lock, session string) error {
	return h.do(clientID, lockOp{lock, lockRelease, session}, func() (lockOutcome, error) {
		done, err := c.KV().Release(ctx, &api.KVPair{Key: lock, Session: session})
		return lockOutcome{done: done}, err
	})
}

// Destroy ends a session that is used for the lock, and records that.
func (h *LockHistory) Destroy(ctx context.Context, clientID int, c *api.Client, lock, session string) error {
	return h.do(clientID, lockOp{lock, lockDestroy, session}, func() (lockOutcome, error) {
		return lockOutcome{}, c.Sessions().Destroy(ctx, session)
	})
}

// Guard writes to a key beside the lock in a transaction that is refused unless
// the session holds the lock, and records that.
func (h *LockHistory) Guard(ctx context.Context, clientID int, c *api.Client, lock, session string) error {
	return h.do(clientID, lockOp{lock, lockGuard, session}, func() (lockOutcome, error) {
		_, err := c.Txn(ctx, []*api.TxnOp{
			{KV: &api.TxnKVOp{Verb: api.TxnSet, Key: lock + "/work", Value: strconv.AppendInt(nil, int64(clientID), 10)}},
			{KV: &api.TxnKVOp{Verb: api.TxnCheckSession, Key: lock, Session: session}},
		}, nil)
		if errors.Is(err, api.Conflict) {
			return lockOutcome{}, nil
		}
		return lockOutcome{done: err == nil}, err
	})
}

// Look reads who holds the lock, and records that.
func (h *LockHistory) Look(ctx context.Context, clientID int, c *api.Client, lock string, q *api.QueryOptions) error {
	return h.do(clientID, lockOp{lock: lock, verb: lockLook}, func() (lockOutcome, error) {
		p, _, err := c.KV().Get(ctx, lock, q)
		if errors.Is(err, api.NotFound) {
			return lockOutcome{}, nil
		}
		if err != nil {
			return lockOutcome{}, err
		}
		return lockOutcome{holder: p.Session, index: p.LockIndex}, nil
	})
}

// String tells how much is recorded.
func (h *LockHistory) String() string {
	return h.count(func(out any) bool { return out.(lockOutcome).unknown })
}

// Verify fails the test unless the history is linearizable.
func (h *LockHistory) Verify(tb testing.TB) {
	tb.Helper()
	h.verify(tb, locks())
}
