package store

import (
	"fmt"

	"github.com/registryd/registryd/pkg/api"
)

func (c *Txn) apply(d *draft) Result {
	r := c.run(d)
	return Result{OK: len(r.Faults) == 0, Body: r.encode()}
}

// ReadTxn answers a transaction that only reads, without the log. An operation
// that writes is a fault of its own.
func (s *State) ReadTxn(c *Txn) *TxnResult {
	for i := range c.Ops {
		if c.Ops[i].Writes() {
			return &TxnResult{Faults: []TxnFault{{i, "a transaction that only reads cannot write"}}}
		}
	}
	d := newDraft(s)
	d.index = s.index
	return c.run(d)
}

// run tries every operation, so that all faults are named. The draft must be
// thrown away if there is one.
func (c *Txn) run(d *draft) *TxnResult {
	r := &TxnResult{}
	for i := range c.Ops {
		items, err := d.txnOp(&c.Ops[i])
		if err != nil {
			r.Faults = append(r.Faults, TxnFault{i, err.Error()})
			continue
		}
		r.Items = append(r.Items, items...)
	}
	if len(r.Faults) > 0 {
		r.Items = nil
	}
	return r
}

func (d *draft) txnOp(o *TxnOp) ([]TxnItem, error) {
	switch {
	case o.KV != nil:
		return d.txnKV(o.KV)
	case o.Node != nil:
		return d.txnNode(o.Verb, o.Node)
	case o.Service != nil:
		return d.txnService(o.Verb, o.At, o.Service)
	case o.Check != nil:
		return d.txnCheck(o.Verb, o.Check)
	case o.Session != "":
		if s, ok := d.next.sessions.byID.Get([]byte(o.Session)); ok {
			d.endSession(s)
		}
	}
	return nil, nil
}

func pairs(l ...*api.KVPair) []TxnItem {
	items := make([]TxnItem, len(l))
	for i, p := range l {
		items[i].KV = p
	}
	return items
}

// withoutValue is how transactions answer with a pair that was not asked for.
func withoutValue(p *api.KVPair) []TxnItem {
	q := *p
	q.Value = nil
	return pairs(&q)
}

func (d *draft) txnKV(c *KV) ([]TxnItem, error) {
	if !c.Verb.Writes() {
		return d.txnRead(c)
	}
	p, ok, err := d.writeKey(c)
	switch {
	case err != nil:
		return nil, err
	case ok && p != nil:
		return withoutValue(p), nil
	case ok:
		return nil, nil
	}
	switch c.Verb {
	case KVCAS:
		return nil, fmt.Errorf("failed to set key %q, index is stale", c.Pair.Key)
	case KVDeleteCAS:
		return nil, fmt.Errorf("failed to delete key %q, index is stale", c.Pair.Key)
	case KVLock:
		if p == nil {
			return nil, fmt.Errorf("failed to lock key %q due to lock delay", c.Pair.Key)
		}
		return nil, fmt.Errorf("failed to lock key %q, lock is already held", c.Pair.Key)
	}
	return nil, fmt.Errorf("failed to unlock key %q, lock isn't held, or is held by another session", c.Pair.Key)
}

// txnRead carries out a verb that reads or checks.
func (d *draft) txnRead(c *KV) ([]TxnItem, error) {
	key := c.Pair.Key
	p := d.kv().get(key)
	switch c.Verb {
	case KVGetTree:
		var items []TxnItem
		d.kv().pairs(key, func(p *api.KVPair) bool {
			items = append(items, TxnItem{KV: p})
			return true
		})
		return items, nil
	case KVGetOrEmpty:
		if p == nil {
			return pairs(&api.KVPair{Key: key}), nil
		}
		return pairs(p), nil
	case KVCheckNotExists:
		if p != nil {
			return nil, fmt.Errorf("key %q exists", key)
		}
		return nil, nil
	case KVGet, KVCheckIndex, KVCheckSession:
		if p == nil {
			return nil, fmt.Errorf("key %q doesn't exist", key)
		}
	default:
		return nil, fmt.Errorf("unknown KV verb")
	}
	switch {
	case c.Verb == KVGet:
		return pairs(p), nil
	case c.Verb == KVCheckIndex && p.ModifyIndex != c.Pair.ModifyIndex:
		return nil, fmt.Errorf("failed index check for key %q, current modify index %d != %d", key, p.ModifyIndex, c.Pair.ModifyIndex)
	case c.Verb == KVCheckSession && p.Session != c.Pair.Session:
		return nil, fmt.Errorf("failed session check for key %q, current session %q != %q", key, p.Session, c.Pair.Session)
	}
	return withoutValue(p), nil
}
