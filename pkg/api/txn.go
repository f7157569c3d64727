package api

import (
	"context"
	"fmt"
	"net/http"
)

// Verbs of transaction operations. Nodes, services and checks know get, set,
// cas, delete and delete-cas; keys know all; sessions know delete.
const (
	TxnSet            = "set"
	TxnCAS            = "cas"
	TxnGet            = "get"
	TxnDelete         = "delete"
	TxnDeleteCAS      = "delete-cas"
	TxnDeleteTree     = "delete-tree"
	TxnGetTree        = "get-tree"
	TxnGetOrEmpty     = "get-or-empty"
	TxnLock           = "lock"
	TxnUnlock         = "unlock"
	TxnCheckIndex     = "check-index"
	TxnCheckSession   = "check-session"
	TxnCheckNotExists = "check-not-exists"
)

// TxnOp is one operation of a transaction; exactly one field is set.
type TxnOp struct {
	KV      *TxnKVOp      `json:",omitempty"`
	Node    *TxnNodeOp    `json:",omitempty"`
	Service *TxnServiceOp `json:",omitempty"`
	Check   *TxnCheckOp   `json:",omitempty"`
	Session *TxnSessionOp `json:",omitempty"`
}

// TxnKVOp is an operation on a key. Index counts for cas, delete-cas and
// check-index; Session for lock, unlock and check-session.
type TxnKVOp struct {
	Verb    string
	Key     string
	Value   []byte `json:",omitempty"`
	Flags   uint64 `json:",omitempty"`
	Index   uint64 `json:",omitempty"`
	Session string `json:",omitempty"`
}

// TxnNodeOp is an operation on a node; its ModifyIndex counts for cas and
// delete-cas.
type TxnNodeOp struct {
	Verb string
	Node Node
}

// TxnServiceOp is an operation on a service instance of a node; its
// ModifyIndex counts for cas and delete-cas.
type TxnServiceOp struct {
	Verb    string
	Node    string
	Service Service
}

// TxnCheckOp is an operation on a check; its ModifyIndex counts for cas and
// delete-cas.
type TxnCheckOp struct {
	Verb  string
	Check Check
}

// TxnSessionOp is an operation on a session.
type TxnSessionOp struct {
	Verb    string
	Session Session
}

// TxnResult is what one operation left or found; exactly one field is set.
// Values of written keys are not repeated.
type TxnResult struct {
	KV      *KVPair  `json:",omitempty"`
	Node    *Node    `json:",omitempty"`
	Service *Service `json:",omitempty"`
	Check   *Check   `json:",omitempty"`
}

// TxnError says why the operation with number OpIndex failed.
type TxnError struct {
	OpIndex int
	What    string
}

// TxnResponse is the outcome of a transaction. Deletes and checks leave no
// result, get-tree one for each key.
type TxnResponse struct {
	Results []*TxnResult
	Errors  []*TxnError
}

// Txn does all operations at one index, or none: at most 128. If one fails the
// error is of kind Conflict, and the response, not nil then, names each
// that failed. Of q, Datacenter, Token and (for transactions that only read)
// Consistency count; nil will do.
func (c *Client) Txn(ctx context.Context, ops []*TxnOp, q *QueryOptions) (*TxnResponse, error) {
	if ops == nil {
		ops = []*TxnOp{}
	}
	body, err := encode(ops)
	if err != nil {
		return nil, err
	}
	rep, err := c.do(ctx, &request{
		method:     http.MethodPut,
		path:       "/v1/txn",
		body:       body,
		q:          q,
		repeatable: readsOnly(ops),
		accept:     func(status int) bool { return status == http.StatusConflict },
	})
	if err != nil {
		return nil, err
	}
	out := new(TxnResponse)
	if err := rep.decode(out); err != nil {
		return nil, err
	}
	if rep.status != http.StatusConflict {
		return out, nil
	}
	msg := "transaction rolled back"
	if len(out.Errors) > 0 {
		msg += fmt.Sprintf(": operation %d: %s", out.Errors[0].OpIndex, out.Errors[0].What)
	}
	return out, E(Conflict, msg)
}

func readsOnly(ops []*TxnOp) bool {
	for _, op := range ops {
		var verb string
		switch {
		case op.KV != nil:
			verb = op.KV.Verb
		case op.Node != nil:
			verb = op.Node.Verb
		case op.Service != nil:
			verb = op.Service.Verb
		case op.Check != nil:
			verb = op.Check.Verb
		case op.Session != nil:
			verb = op.Session.Verb
		}
		switch verb {
		case TxnGet, TxnGetTree, TxnGetOrEmpty, TxnCheckIndex, TxnCheckSession, TxnCheckNotExists:
		default:
			return false
		}
	}
	return true
}
