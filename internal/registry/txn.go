package registry

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Txn carries out a transaction that writes. What single operations did wrong is
// in the result. An error means that there is no result: the transaction was not
// proposed, or its outcome is unknown.
func (r *Registry) Txn(ctx context.Context, t *store.Txn) (*store.TxnResult, error) {
	if faults := r.checkTxn(t); faults != nil {
		return &store.TxnResult{Faults: faults}, nil
	}
	res, err := r.propose(ctx, t)
	if err != nil {
		return nil, err
	}
	out, err := store.DecodeTxnResult(res.Body)
	return out, api.Wrap(api.Internal, "read the result of a transaction", err)
}

// ReadTxn answers a transaction that only reads, and the index of the state it
// was answered from. With stale that is this server's own.
func (r *Registry) ReadTxn(ctx context.Context, t *store.Txn, c raft.Consistency, stale bool) (*store.TxnResult, uint64, error) {
	st := r.State()
	if !stale {
		var err error
		if st, err = r.Read(ctx, c); err != nil {
			return nil, 0, err
		}
	}
	if faults := r.checkTxn(t); faults != nil {
		return &store.TxnResult{Faults: faults}, st.Index(), nil
	}
	return st.ReadTxn(t), st.Index(), nil
}

// checkTxn finds what is wrong with operations whatever the state is, and
// completes them.
func (r *Registry) checkTxn(t *store.Txn) []store.TxnFault {
	var faults []store.TxnFault
	for i := range t.Ops {
		if err := r.checkTxnOp(&t.Ops[i]); err != nil {
			faults = append(faults, store.TxnFault{OpIndex: i, What: err.Error()})
		}
	}
	return faults
}

func (r *Registry) checkTxnOp(o *store.TxnOp) error {
	switch {
	case o.KV != nil:
		if o.KV.Pair.Key == "" && o.KV.Verb != store.KVGetTree && o.KV.Verb != store.KVDeleteTree {
			return fmt.Errorf("Must provide key")
		}
	case o.Node != nil:
		return r.checkTxnNode(o)
	case o.Service != nil:
		return r.checkTxnService(o)
	case o.Check != nil:
		if o.Check.Node == "" {
			return fmt.Errorf("Must provide node")
		}
		c := *o.Check
		at, typ := c.ModifyIndex, c.Type
		if err := catalogCheck(&c, c.Node); err != nil {
			return err
		}
		if o.Verb == store.CatalogSet || o.Verb == store.CatalogCAS {
			if err := catalogProbe(&c); err != nil {
				return err
			}
		}
		c.ModifyIndex, c.Type = at, typ
		o.Check = &c
	}
	return nil
}

func (r *Registry) checkTxnNode(o *store.TxnOp) error {
	n := *o.Node
	if n.Node == "" && (n.ID == "" || o.Verb == store.CatalogSet || o.Verb == store.CatalogCAS) {
		return fmt.Errorf("Must provide node")
	}
	if n.ID != "" {
		if _, err := uuid.Parse(n.ID); err != nil || len(n.ID) != 36 {
			return fmt.Errorf("Bad request: NodeID is not a valid UUID: %s", n.ID)
		}
	}
	if n.Address == "" && (o.Verb == store.CatalogSet || o.Verb == store.CatalogCAS) {
		return fmt.Errorf("Must provide address")
	}
	n.Datacenter = r.cfg.Datacenter
	o.Node = &n
	return nil
}

func (r *Registry) checkTxnService(o *store.TxnOp) error {
	if o.At == "" {
		return fmt.Errorf("Must provide node")
	}
	if o.Verb == store.CatalogGet {
		return nil
	}
	s, err := catalogService(o.Service)
	if err != nil {
		return err
	}
	s.ModifyIndex = o.Service.ModifyIndex
	o.Service = s
	return nil
}
