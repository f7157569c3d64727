package store

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/registryd/registryd/pkg/api"
)

// MaxTxnOps is how many operations a transaction may have; Consul's limit.
const MaxTxnOps = 128

// CatalogVerb says what an operation on a node, service or check does. The
// numbers stand in raft logs: append, never renumber.
type CatalogVerb uint8

// The catalog operations. CAS and DeleteCAS compare the ModifyIndex given.
const (
	CatalogGet CatalogVerb = iota + 1
	CatalogSet
	CatalogCAS
	CatalogDelete
	CatalogDeleteCAS
)

// CatalogVerbOf returns the verb of a name such as "delete-cas", 0 if there is
// none.
func CatalogVerbOf(name string) CatalogVerb {
	switch name {
	case "get":
		return CatalogGet
	case "set":
		return CatalogSet
	case "cas":
		return CatalogCAS
	case "delete":
		return CatalogDelete
	case "delete-cas":
		return CatalogDeleteCAS
	}
	return 0
}

// TxnOp is one operation of a transaction. Exactly one of KV, Node, Service,
// Check and Session is set. Verb is for Node, Service and Check; At is the
// node of a Service. A Session can be deleted only: the way to release what a
// lost session held together with other writes.
type TxnOp struct {
	KV      *KV
	Verb    CatalogVerb
	Node    *api.Node
	At      string
	Service *api.Service
	Check   *api.Check
	Session string // ID of a session to end
}

// Writes reports whether the operation may change something.
func (o *TxnOp) Writes() bool {
	if o.KV != nil {
		return o.KV.Verb.Writes()
	}
	if o.Node == nil && o.Service == nil && o.Check == nil {
		return o.Session != ""
	}
	return o.Verb != CatalogGet
}

// Txn carries out operations all together or not at all, at one index. Its
// Result is OK when all were carried out; DecodeTxnResult reads its Body.
type Txn struct {
	Ops []TxnOp

	By By
}

// TxnItem is one thing that a transaction answers with: one field is set.
type TxnItem struct {
	KV      *api.KVPair
	Node    *api.Node
	Service *api.Service
	Check   *api.Check
}

// TxnFault names an operation that failed.
type TxnFault struct {
	OpIndex int
	What    string
}

// TxnResult is what a transaction answers: Items if it was carried out, else
// Faults.
type TxnResult struct {
	Items  []TxnItem
	Faults []TxnFault
}

func (*Txn) kind() byte    { return kindTxn }
func (*Txn) canFail() bool { return true }

func (c *Txn) appendTo(b []byte) []byte {
	for i := range c.Ops {
		b = putMessage(b, 1, c.Ops[i].appendTo)
	}
	return putBy(b, 2, &c.By)
}

func (o *TxnOp) appendTo(b []byte) []byte {
	if o.KV != nil {
		b = putMessage(b, 1, o.KV.appendTo)
	}
	b = putUint(b, 2, uint64(o.Verb))
	b = appendThings(b, 3, o.Node, o.Service, o.Check)
	b = putString(b, 6, o.At)
	return putString(b, 7, o.Session)
}

// appendThings writes what is not nil under the numbers from n on.
func appendThings(b []byte, n protowire.Number, node *api.Node, service *api.Service, check *api.Check) []byte {
	if node != nil {
		b = putMessage(b, n, func(b []byte) []byte { return appendNode(b, node) })
	}
	if service != nil {
		b = putMessage(b, n+1, func(b []byte) []byte { return appendService(b, service) })
	}
	if check != nil {
		b = putMessage(b, n+2, func(b []byte) []byte { return appendCheck(b, check) })
	}
	return b
}

func decodeTxn(b []byte) (Command, error) {
	c := &Txn{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			o, err := decodeTxnOp(f.bytes)
			c.Ops = append(c.Ops, o)
			return err
		case 2:
			return decodeBy(f.bytes, &c.By)
		}
		return nil
	})
}

func decodeTxnOp(b []byte) (o TxnOp, err error) {
	err = fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			var c Command
			c, err = decodeKV(f.bytes)
			o.KV = c.(*KV)
		case 2:
			o.Verb = CatalogVerb(f.u)
		case 3:
			o.Node, err = decodeNode(f.bytes)
		case 4:
			o.Service, err = decodeService(f.bytes)
		case 5:
			o.Check, err = decodeCheck(f.bytes)
		case 6:
			o.At = f.str()
		case 7:
			o.Session = f.str()
		}
		return err
	})
	return o, err
}

func (r *TxnResult) encode() []byte {
	b := []byte{}
	for _, i := range r.Items {
		b = putMessage(b, 1, func(b []byte) []byte {
			if i.KV != nil {
				b = putMessage(b, 1, func(b []byte) []byte { return appendPair(putString(b, 7, i.KV.Key), i.KV) })
			}
			return appendThings(b, 2, i.Node, i.Service, i.Check)
		})
	}
	for _, e := range r.Faults {
		b = putMessage(b, 2, func(b []byte) []byte { return putString(putUint(b, 1, uint64(e.OpIndex)), 2, e.What) })
	}
	return b
}

// DecodeTxnResult reads the Body of a Txn's Result.
func DecodeTxnResult(b []byte) (*TxnResult, error) {
	r := &TxnResult{}
	return r, fields(b, func(f field) error {
		switch f.num {
		case 1:
			var i TxnItem
			err := decodeTxnItem(f.bytes, &i)
			r.Items = append(r.Items, i)
			return err
		case 2:
			var e TxnFault
			err := fields(f.bytes, func(g field) error {
				switch g.num {
				case 1:
					e.OpIndex = int(g.u)
				case 2:
					e.What = g.str()
				}
				return nil
			})
			r.Faults = append(r.Faults, e)
			return err
		}
		return nil
	})
}

func decodeTxnItem(b []byte, i *TxnItem) error {
	return fields(b, func(f field) (err error) {
		switch f.num {
		case 1:
			i.KV = &api.KVPair{}
			err = decodePair(f.bytes, i.KV)
			if err == nil {
				err = fields(f.bytes, func(g field) error {
					if g.num == 7 {
						i.KV.Key = g.str()
					}
					return nil
				})
			}
		case 2:
			i.Node, err = decodeNode(f.bytes)
		case 3:
			i.Service, err = decodeService(f.bytes)
		case 4:
			i.Check, err = decodeCheck(f.bytes)
		}
		return err
	})
}
