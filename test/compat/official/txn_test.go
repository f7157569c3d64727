package official

import (
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"
)

func testTxnKV(t *testing.T, w world) {
	ok, resp, _, err := w.client().Txn().Txn(api.TxnOps{
		{KV: &api.KVTxnOp{Verb: api.KVSet, Key: "txn/a", Value: []byte("1")}},
		{KV: &api.KVTxnOp{Verb: api.KVSet, Key: "txn/b", Value: []byte("2"), Flags: 9}},
		{KV: &api.KVTxnOp{Verb: api.KVGetTree, Key: "txn/"}},
		{KV: &api.KVTxnOp{Verb: api.KVCheckNotExists, Key: "txn/c"}},
		{KV: &api.KVTxnOp{Verb: api.KVGetOrEmpty, Key: "txn/c"}},
	}, nil)
	require.NoError(t, err)
	require.True(t, ok, "%+v", resp)
	require.Len(t, resp.Results, 5)
	require.Equal(t, []byte("1"), resp.Results[2].KV.Value)
	require.Equal(t, resp.Results[0].KV.ModifyIndex, resp.Results[1].KV.ModifyIndex, "all at one index")

	// One operation fails: none takes effect, and the answer names it.
	ok, resp, _, err = w.client().Txn().Txn(api.TxnOps{
		{KV: &api.KVTxnOp{Verb: api.KVSet, Key: "txn/a", Value: []byte("changed")}},
		{KV: &api.KVTxnOp{Verb: api.KVCAS, Key: "txn/b", Index: 1, Value: []byte("changed")}},
		{KV: &api.KVTxnOp{Verb: api.KVGet, Key: "txn/none"}},
	}, nil)
	require.NoError(t, err)
	require.False(t, ok)
	require.Empty(t, resp.Results)
	require.Len(t, resp.Errors, 2)
	require.Equal(t, 1, resp.Errors[0].OpIndex)
	require.Contains(t, resp.Errors[0].What, "index is stale")
	require.Contains(t, resp.Errors[1].What, "doesn't exist")
	pair, _, err := w.client().KV().Get("txn/a", nil)
	require.NoError(t, err)
	require.Equal(t, "1", string(pair.Value))

	// Under a lock, and by the older call.
	id, _, err := w.client().Session().CreateNoChecks(nil, nil)
	require.NoError(t, err)
	ok, kresp, _, err := w.client().KV().Txn(api.KVTxnOps{
		{Verb: api.KVLock, Key: "txn/a", Session: id, Value: []byte("mine")},
		{Verb: api.KVCheckSession, Key: "txn/a", Session: id},
		{Verb: api.KVUnlock, Key: "txn/a", Session: id, Value: []byte("mine")},
		{Verb: api.KVDeleteTree, Key: "txn/"},
	}, nil)
	require.NoError(t, err)
	require.True(t, ok, "%+v", kresp)
	_, err = w.client().Session().Destroy(id, nil)
	require.NoError(t, err)

	many := make(api.TxnOps, 129)
	for i := range many {
		many[i] = &api.TxnOp{KV: &api.KVTxnOp{Verb: api.KVGetOrEmpty, Key: "txn/x"}}
	}
	_, _, _, err = w.client().Txn().Txn(many, nil)
	require.ErrorContains(t, err, "too many operations")
	ok, _, _, err = w.client().Txn().Txn(many[:128], nil)
	require.NoError(t, err)
	require.True(t, ok)
}

func testTxnCatalog(t *testing.T, w world) {
	node := api.Node{Node: "txn-node", Address: "192.0.2.40", Meta: map[string]string{"k": "v"}}
	service := api.AgentService{ID: "txn-s", Service: "txn-service", Port: 1234, Tags: []string{"t"}}
	check := api.HealthCheck{Node: "txn-node", CheckID: "txn-c", Name: "c", ServiceID: "txn-s", Status: api.HealthPassing}
	ok, resp, _, err := w.client().Txn().Txn(api.TxnOps{
		{Node: &api.NodeTxnOp{Verb: api.NodeSet, Node: node}},
		{Service: &api.ServiceTxnOp{Verb: api.ServiceSet, Node: "txn-node", Service: service}},
		{Check: &api.CheckTxnOp{Verb: api.CheckSet, Check: check}},
		{Node: &api.NodeTxnOp{Verb: api.NodeGet, Node: node}},
		{Service: &api.ServiceTxnOp{Verb: api.ServiceGet, Node: "txn-node", Service: service}},
		{Check: &api.CheckTxnOp{Verb: api.CheckGet, Check: check}},
	}, nil)
	require.NoError(t, err)
	require.True(t, ok, "%+v", resp)
	require.Len(t, resp.Results, 6)
	require.Equal(t, node.Meta, resp.Results[3].Node.Meta)
	require.Equal(t, 1234, resp.Results[4].Service.Port)
	require.Equal(t, api.AgentWeights{Passing: 1, Warning: 1}, resp.Results[4].Service.Weights)
	require.Equal(t, api.HealthPassing, resp.Results[5].Check.Status)
	entries, _, err := w.client().Health().Service("txn-service", "t", true, nil)
	require.NoError(t, err)
	require.Len(t, entries, 1)

	stale := *resp.Results[5].Check
	stale.ModifyIndex--
	ok, resp, _, err = w.client().Txn().Txn(api.TxnOps{
		{Node: &api.NodeTxnOp{Verb: api.NodeDelete, Node: node}},
		{Check: &api.CheckTxnOp{Verb: api.CheckCAS, Check: stale}},
	}, nil)
	require.NoError(t, err)
	require.False(t, ok)
	require.NotEmpty(t, resp.Errors)
	entries, _, err = w.client().Health().Service("txn-service", "", true, nil)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing of a refused transaction stays")

	ok, _, _, err = w.client().Txn().Txn(api.TxnOps{
		{Check: &api.CheckTxnOp{Verb: api.CheckDelete, Check: check}},
		{Service: &api.ServiceTxnOp{Verb: api.ServiceDelete, Node: "txn-node", Service: service}},
		{Node: &api.NodeTxnOp{Verb: api.NodeDelete, Node: node}},
	}, nil)
	require.NoError(t, err)
	require.True(t, ok)
	gone, _, err := w.client().Catalog().Node("txn-node", nil)
	require.NoError(t, err)
	require.Nil(t, gone)
}
