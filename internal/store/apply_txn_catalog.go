package store

import (
	"fmt"

	"github.com/registryd/registryd/pkg/api"
)

// stale reports whether a compare-and-set verb finds another index than it
// expects; have is 0 where there is nothing.
func (v CatalogVerb) stale(have, want uint64) bool {
	return (v == CatalogCAS || v == CatalogDeleteCAS && have != 0) && have != want
}

func (d *draft) txnNode(v CatalogVerb, node *api.Node) ([]TxnItem, error) {
	n := d.node(NodeKey(node.Node))
	if key, ok := d.next.nodeIDs.Get([]byte(lower(node.ID))); ok && node.ID != "" && v != CatalogSet {
		n = d.node(key)
	}
	var have uint64
	if n != nil {
		have = n.node.ModifyIndex
	}
	if v.stale(have, node.ModifyIndex) {
		return nil, fmt.Errorf("failed to change node %q, index is stale", node.Node)
	}
	switch v {
	case CatalogGet:
		if n == nil {
			return nil, fmt.Errorf("node %q doesn't exist", node.Node)
		}
	case CatalogSet, CatalogCAS:
		r := &Register{ID: node.ID, Node: node.Node, Address: node.Address, Datacenter: node.Datacenter, TaggedAddresses: node.TaggedAddresses, Meta: node.Meta}
		n = d.node(NodeKey(node.Node))
		if err := r.check(n); err != nil {
			return nil, err
		}
		n = r.applyNode(d, n)
	case CatalogDelete, CatalogDeleteCAS:
		if n != nil {
			d.removeNode(n)
		}
		return nil, nil
	default:
		return nil, fmt.Errorf("unknown Node verb")
	}
	return []TxnItem{{Node: n.node}}, nil
}

func (d *draft) txnService(v CatalogVerb, at string, s *api.Service) ([]TxnItem, error) {
	n := d.node(NodeKey(at))
	var inst *Instance
	var have uint64
	if n != nil {
		if inst = n.instance(s.ID); inst != nil {
			have = inst.Service.ModifyIndex
		}
	}
	if v.stale(have, s.ModifyIndex) {
		return nil, fmt.Errorf("failed to change service %q on node %q, index is stale", s.ID, at)
	}
	switch v {
	case CatalogGet:
		if inst == nil {
			return nil, fmt.Errorf("service %q on node %q doesn't exist", s.ID, at)
		}
	case CatalogSet, CatalogCAS:
		if n == nil {
			return nil, fmt.Errorf("service %q cannot be registered: node %q is not", s.ID, at)
		}
		applyService(d, n, s)
		inst = n.instance(s.ID)
	case CatalogDelete, CatalogDeleteCAS:
		if inst != nil {
			d.removeService(n, s.ID)
		}
		return nil, nil
	default:
		return nil, fmt.Errorf("unknown Service verb")
	}
	return []TxnItem{{Service: inst.Service}}, nil
}

func (d *draft) txnCheck(v CatalogVerb, c *api.Check) ([]TxnItem, error) {
	n := d.node(NodeKey(c.Node))
	var old *api.Check
	var have uint64
	if n != nil {
		if old = n.check(c.CheckID); old != nil {
			have = old.ModifyIndex
		}
	}
	if v.stale(have, c.ModifyIndex) {
		return nil, fmt.Errorf("failed to change check %q on node %q, index is stale", c.CheckID, c.Node)
	}
	switch v {
	case CatalogGet:
		if old == nil {
			return nil, fmt.Errorf("check %q on node %q doesn't exist", c.CheckID, c.Node)
		}
	case CatalogSet, CatalogCAS:
		if n == nil {
			return nil, fmt.Errorf("check %q cannot be registered: node %q is not", c.CheckID, c.Node)
		}
		r := &Register{Node: n.node.Node, SkipNodeUpdate: true, Checks: []*api.Check{c}}
		if err := r.check(n); err != nil {
			return nil, err
		}
		r.applyCheck(d, n, c)
		old = n.check(c.CheckID)
	case CatalogDelete, CatalogDeleteCAS:
		if old != nil {
			d.removeCheck(n, c.CheckID)
		}
		return nil, nil
	default:
		return nil, fmt.Errorf("unknown Check verb")
	}
	return []TxnItem{{Check: old}}, nil
}
