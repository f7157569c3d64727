package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// txnOp is one operation in the body of /v1/txn. Its verbs are text, and only
// the registry knows whether there is such a one.
type txnOp struct {
	KV *struct {
		Verb, Key, Session string
		Value              []byte
		Flags, Index       uint64
		enterpriseFields
	}
	Node *struct {
		Verb string
		Node struct {
			api.Node
			PeerName string
			Locality json.RawMessage
			enterpriseFields
		}
	}
	Service *struct {
		Verb, Node string
		Service    wireService
	}
	Check *struct {
		Verb  string
		Check wireCheck
	}
	Session *struct {
		Verb    string
		Session api.Session
	}
}

// txn serves PUT /v1/txn. A transaction that only reads needs no log and is
// answered in another form, with the index in the body.
func (h *Handler) txn(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	body, err := readTxn(q, h.cfg.MaxTxn)
	if err != nil {
		return reply{}, err
	}
	t, writes, err := h.txnOf(body)
	if err != nil {
		return reply{}, err
	}
	if writes {
		res, err := h.reg.Txn(q.Context(), t)
		if err != nil {
			return reply{}, err
		}
		return txnReply(res, txnAnswer{})
	}
	res, index, err := h.reg.ReadTxn(q.Context(), t, q.consistency, q.stale)
	if err != nil {
		return reply{}, err
	}
	m := h.meta(q, plainRead, index)
	q.w.Header()["X-Consul-Knownleader"] = []string{fmt.Sprint(m.known)}
	q.w.Header()["X-Consul-Lastcontact"] = []string{fmt.Sprint(m.lastContact)}
	return txnReply(res, txnAnswer{bodyMeta: bodyMetaOf(m, "")})
}

// readTxn reads the operations of a body.
func readTxn(q *request, limit int64) ([]*txnOp, error) {
	if q.ContentLength > limit {
		return nil, txnTooLarge(limit)
	}
	q.Body = http.MaxBytesReader(q.w, q.Body, limit)
	var ops []*txnOp
	if err := decodeBody(q, &ops); err != nil {
		if api.ErrorKind(err) == api.TooLarge {
			return nil, txnTooLarge(limit)
		}
		return nil, err
	}
	if len(ops) > store.MaxTxnOps {
		return nil, api.E(api.TooLarge, fmt.Sprintf("Transaction contains too many operations (%d > %d)", len(ops), store.MaxTxnOps))
	}
	return ops, nil
}

func txnTooLarge(limit int64) error {
	return api.E(api.TooLarge, fmt.Sprintf("Request body is too large: it exceeds the limit of %d bytes for a transaction", limit))
}

// txnOf makes a transaction of the operations and reports whether one of them
// writes. An unknown verb of a key counts as a read, one of the catalog as a
// write: what Consul makes of them.
func (h *Handler) txnOf(ops []*txnOp) (*store.Txn, bool, error) {
	t, writes := &store.Txn{}, false
	for i, in := range ops {
		o := store.TxnOp{}
		switch {
		case in == nil:
			return nil, false, api.E(api.Invalid, fmt.Sprintf("Request decode failed: operation %d is null", i))
		case in.KV != nil:
			k := in.KV
			if err := k.refuse(); err != nil {
				return nil, false, err
			}
			if int64(len(k.Value)) > h.cfg.MaxValue {
				return nil, false, api.E(api.TooLarge, fmt.Sprintf("Value for key %q is too large (%d > %d bytes)", k.Key, len(k.Value), h.cfg.MaxValue))
			}
			o.KV = &store.KV{Verb: store.KVVerbOf(k.Verb), Pair: api.KVPair{Key: k.Key, Value: k.Value, Flags: k.Flags, Session: k.Session, ModifyIndex: k.Index}}
		case in.Node != nil:
			if err := in.Node.Node.refuse(); err != nil {
				return nil, false, err
			}
			o.Verb, o.Node = store.CatalogVerbOf(in.Node.Verb), &in.Node.Node.Node
		case in.Service != nil:
			if err := in.Service.Service.refuse(); err != nil {
				return nil, false, err
			}
			o.Verb, o.At, o.Service = store.CatalogVerbOf(in.Service.Verb), in.Service.Node, &in.Service.Service.Service
		case in.Check != nil:
			if err := in.Check.Check.refuse(); err != nil {
				return nil, false, err
			}
			o.Verb, o.Check = store.CatalogVerbOf(in.Check.Verb), &in.Check.Check.Check
		case in.Session != nil:
			if in.Session.Verb != "delete" {
				return nil, false, api.E(api.Invalid, fmt.Sprintf("operation %d: the only verb of sessions is delete, not %q", i, in.Session.Verb))
			}
			o.Session = in.Session.Session.ID
		}
		// An operation without content does nothing, but keeps its number.
		writes = writes || o.Writes()
		t.Ops = append(t.Ops, o)
	}
	return t, writes, nil
}

// txnAnswer is the body of an answer; the meta fields are there for reads only.
type txnAnswer struct {
	Results []txnItem
	Errors  []store.TxnFault
	*bodyMeta
}

// txnItem shows what an operation found or left. The mesh's fields are in their
// empty form, as everywhere.
type txnItem struct {
	KV      *api.KVPair   `json:",omitempty"`
	Node    *api.Node     `json:",omitempty"`
	Service *plainService `json:",omitempty"`
	Check   *plainCheck   `json:",omitempty"`
}

func txnReply(res *store.TxnResult, a txnAnswer) (reply, error) {
	status := http.StatusOK
	if len(res.Faults) > 0 {
		status, a.Errors = http.StatusConflict, res.Faults
	} else {
		a.Results = make([]txnItem, len(res.Items))
	}
	for i := range a.Results {
		in, out := res.Items[i], &a.Results[i]
		out.KV, out.Node = in.KV, in.Node
		if in.KV != nil && len(in.KV.Value) == 0 && in.KV.Value != nil {
			p := *in.KV
			p.Value = nil
			out.KV = &p
		}
		if in.Service != nil {
			out.Service = showService(in.Service)
		}
		if in.Check != nil {
			out.Check = showCheck(in.Check)
		}
	}
	r, err := jsonReply(a)
	r.status = status
	return r, err
}

// bodyMeta are the headers of a read where they are part of the body.
type bodyMeta struct {
	Index                 uint64
	LastContact           int64
	KnownLeader           bool
	ConsistencyLevel      string
	NotModified           bool
	Backend               int
	ResultsFilteredByACLs bool
}

func bodyMetaOf(m *meta, consistency string) *bodyMeta {
	return &bodyMeta{Index: m.index, LastContact: m.lastContact, KnownLeader: m.known, ConsistencyLevel: consistency}
}
