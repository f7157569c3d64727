package harness

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/registryd/registryd/pkg/api"
)

// WriteKey sets a key to the value, or deletes it if the value is 0, and
// records that.
func (h *History) WriteKey(ctx context.Context, clientID int, c *api.Client, key string, value int) error {
	return h.Do(clientID, Op{Register: key, Verb: Write, Value: value}, func() (Outcome, error) {
		if value == 0 {
			return Outcome{}, c.KV().Delete(ctx, key)
		}
		return Outcome{}, c.KV().Put(ctx, &api.KVPair{Key: key, Value: number(value)})
	})
}

// ReadKey reads a key and records that. It returns the pair, nil if there is
// none.
func (h *History) ReadKey(ctx context.Context, clientID int, c *api.Client, key string, q *api.QueryOptions) (pair *api.KVPair, err error) {
	err = h.Do(clientID, Op{Register: key, Verb: Read}, func() (Outcome, error) {
		var err error
		pair, _, err = c.KV().Get(ctx, key, q)
		if errors.Is(err, api.NotFound) {
			return Outcome{}, nil
		}
		if err != nil {
			return Outcome{}, err
		}
		value, err := valueOf(pair)
		return Outcome{Value: value}, err
	})
	return pair, err
}

// SwapKey sets a key to the value if it is still what it was when it was read
// as old (nil: absent), and records that. Every value is written once, so an
// index stands for a value.
func (h *History) SwapKey(ctx context.Context, clientID int, c *api.Client, key string, old *api.KVPair, value int) error {
	op := Op{Register: key, Verb: Swap, Value: value}
	next := &api.KVPair{Key: key, Value: number(value)}
	if old != nil {
		expect, err := valueOf(old)
		if err != nil {
			return err
		}
		op.Expect, next.ModifyIndex = expect, old.ModifyIndex
	}
	return h.Do(clientID, op, func() (Outcome, error) {
		ok, err := c.KV().CAS(ctx, next)
		return Outcome{Swapped: ok}, err
	})
}

// groupSize is how many keys a group has.
const groupSize = 3

// WriteGroup sets all keys of a group to the value in one transaction, and
// records the group as one register.
func (h *History) WriteGroup(ctx context.Context, clientID int, c *api.Client, group string, value int) error {
	return h.Do(clientID, Op{Register: group, Verb: Write, Value: value}, func() (Outcome, error) {
		var ops []*api.TxnOp
		for i := range groupSize {
			ops = append(ops, &api.TxnOp{KV: &api.TxnKVOp{Verb: api.TxnSet, Key: fmt.Sprintf("%s/%d", group, i), Value: number(value)}})
		}
		_, err := c.Txn(ctx, ops, nil)
		return Outcome{}, err
	})
}

// SwapGroup is WriteGroup on the condition that the group's first key is as it
// was read; if not, none of the keys may change.
func (h *History) SwapGroup(ctx context.Context, clientID int, c *api.Client, group string, old *api.KVPair, value int) error {
	expect, err := valueOf(old)
	if err != nil {
		return err
	}
	return h.Do(clientID, Op{Register: group, Verb: Swap, Value: value, Expect: expect}, func() (Outcome, error) {
		var ops []*api.TxnOp
		for i := groupSize - 1; i > 0; i-- { // the condition comes last, when there is something to undo
			ops = append(ops, &api.TxnOp{KV: &api.TxnKVOp{Verb: api.TxnSet, Key: fmt.Sprintf("%s/%d", group, i), Value: number(value)}})
		}
		ops = append(ops, &api.TxnOp{KV: &api.TxnKVOp{Verb: api.TxnCAS, Key: group + "/0", Index: old.ModifyIndex, Value: number(value)}})
		_, err := c.Txn(ctx, ops, nil)
		if errors.Is(err, api.Conflict) {
			return Outcome{}, nil
		}
		return Outcome{Swapped: err == nil}, err
	})
}

// ReadGroup reads all keys of a group at once and records that. It returns the
// first pair, nil if there is none. Keys that differ are a value nobody wrote.
func (h *History) ReadGroup(ctx context.Context, clientID int, c *api.Client, group string, q *api.QueryOptions) (first *api.KVPair, err error) {
	err = h.Do(clientID, Op{Register: group, Verb: Read}, func() (Outcome, error) {
		pairs, _, err := c.KV().List(ctx, group+"/", q)
		if errors.Is(err, api.NotFound) || (err == nil && len(pairs) == 0) {
			return Outcome{}, nil
		}
		if err != nil {
			return Outcome{}, err
		}
		first = pairs[0]
		value, err := valueOf(first)
		for _, p := range pairs[1:] {
			if other, _ := valueOf(p); other != value {
				return Outcome{Value: torn}, nil
			}
		}
		if len(pairs) != groupSize {
			return Outcome{Value: torn}, nil
		}
		return Outcome{Value: value}, err
	})
	return first, err
}

// torn is read from a group in which a transaction was seen half done.
const torn = -1

func number(value int) []byte { return strconv.AppendInt(nil, int64(value), 10) }

func valueOf(p *api.KVPair) (int, error) {
	value, err := strconv.Atoi(string(p.Value))
	if err != nil {
		return 0, fmt.Errorf("key %s: %w", p.Key, err)
	}
	return value, nil
}
