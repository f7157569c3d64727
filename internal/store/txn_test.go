package store

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func (s *testStore) txn(ops ...TxnOp) *TxnResult {
	s.t.Helper()
	r := s.apply(&Txn{Ops: ops})
	require.NoError(s.t, r.Err)
	res, err := DecodeTxnResult(r.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, r.OK, len(res.Faults) == 0)
	return res
}

func kvOp(v KVVerb, key, value string, at uint64) TxnOp {
	return TxnOp{KV: &KV{Verb: v, Pair: api.KVPair{Key: key, Value: []byte(value), ModifyIndex: at}}}
}

func TestTxnIsAllOrNothing(t *testing.T) {
	s := openTest(t)
	r := s.txn(kvOp(KVSet, "a", "1", 0), kvOp(KVSet, "b", "2", 0))
	require.Len(t, r.Items, 2)
	require.Nil(t, r.Items[0].KV.Value)
	require.EqualValues(t, 1, r.Items[1].KV.ModifyIndex)
	_, _, w := s.State().Key("a")
	ch := w.C()
	before := s.State().kv

	r = s.txn(kvOp(KVSet, "a", "x", 0), kvOp(KVCAS, "b", "x", 9), kvOp(KVDeleteTree, "", "", 0), kvOp(KVGet, "none", "", 0))
	require.Equal(t, []TxnFault{{1, `failed to set key "b", index is stale`}, {3, `key "none" doesn't exist`}}, r.Faults)
	require.Nil(t, r.Items)
	require.Equal(t, before, s.State().kv)
	require.False(t, fired(ch))
	require.EqualValues(t, 2, s.State().Index())
	s.apply(set("c", "3"))
	require.EqualValues(t, "1", s.pair("a").Value)
}

func TestTxnInABatchKeepsItsNeighbours(t *testing.T) {
	s := openTest(t)
	fails := &Txn{Ops: []TxnOp{kvOp(KVSet, "t", "x", 0), kvOp(KVGet, "none", "", 0)}}
	works := &Txn{Ops: []TxnOp{kvOp(KVCAS, "b", "txn", 1)}}
	rs := s.batch(set("b", "1"), fails, set("a", "1"), works, fails, set("c", "1"))
	for i, ok := range []bool{true, false, true, true, false, true} {
		require.Equal(t, ok, rs[i].OK, "%d", i)
	}
	require.Equal(t, []string{"a", "b", "c"}, s.State().KeyNames("", ""))
	require.EqualValues(t, "txn", s.pair("b").Value)
	require.EqualValues(t, 4, s.pair("b").ModifyIndex)
	s.reopen()
	require.Equal(t, []string{"a", "b", "c"}, s.State().KeyNames("", ""))
}

func TestTxnSeesItsOwnWrites(t *testing.T) {
	s := openTest(t)
	r := s.txn(kvOp(KVSet, "k", "new", 0), kvOp(KVGet, "k", "", 0), kvOp(KVGetTree, "", "", 0), kvOp(KVDelete, "k", "", 0),
		kvOp(KVGetOrEmpty, "k", "", 0), kvOp(KVCheckNotExists, "k", "", 0))
	require.Empty(t, r.Faults)
	require.Len(t, r.Items, 4)
	require.EqualValues(t, "new", r.Items[1].KV.Value)
	require.Equal(t, r.Items[1], r.Items[2])
	require.Equal(t, &api.KVPair{Key: "k"}, r.Items[3].KV)
}

func TestTxnChecks(t *testing.T) {
	s := withNode(t)
	s.batch(session("s1", "n1"), lock("l", "s1"), set("k", "v"))
	held := TxnOp{KV: &KV{Verb: KVCheckSession, Pair: api.KVPair{Key: "l", Session: "s1"}}}
	foreign := TxnOp{KV: &KV{Verb: KVCheckSession, Pair: api.KVPair{Key: "l", Session: "s2"}}}
	for _, c := range []struct {
		op   TxnOp
		want string
	}{
		{kvOp(KVCheckIndex, "k", "", 4), ""},
		{kvOp(KVCheckIndex, "k", "", 3), `failed index check for key "k", current modify index 4 != 3`},
		{kvOp(KVCheckIndex, "none", "", 3), `key "none" doesn't exist`},
		{kvOp(KVCheckNotExists, "k", "", 0), `key "k" exists`},
		{kvOp(KVGetTree, "none", "", 0), ""},
		{held, ""},
		{foreign, `failed session check for key "l", current session "s1" != "s2"`},
		{kvOp(99, "k", "", 0), "unknown KV verb"},
	} {
		for _, r := range []*TxnResult{s.txn(c.op), s.State().ReadTxn(&Txn{Ops: []TxnOp{c.op}})} {
			if c.want == "" {
				require.Empty(t, r.Faults)
				continue
			}
			require.Equal(t, []TxnFault{{0, c.want}}, r.Faults)
		}
	}
	require.Len(t, s.State().ReadTxn(&Txn{Ops: []TxnOp{kvOp(KVSet, "k", "", 0)}}).Faults, 1)
	for _, op := range []TxnOp{
		{KV: lock("l", "nobody")}, {KV: unlock("k", "s1")}, {KV: lock("", "s1")},
	} {
		require.Len(t, s.txn(op).Faults, 1)
	}
	require.Empty(t, s.txn(TxnOp{Session: "s1"}).Faults)
	require.Empty(t, s.pair("l").Session)
}

func TestTxnOnTheCatalog(t *testing.T) {
	s := openTest(t)
	node := func(v CatalogVerb, address string, at uint64) TxnOp {
		return TxnOp{Verb: v, Node: &api.Node{Node: "n1", Address: address, ModifyIndex: at}}
	}
	service := func(v CatalogVerb, on string, port int, at uint64) TxnOp {
		return TxnOp{Verb: v, At: on, Service: &api.Service{ID: "w1", Service: "web", Port: port, ModifyIndex: at}}
	}
	check := func(v CatalogVerb, on, service, status string, at uint64) TxnOp {
		return TxnOp{Verb: v, Check: &api.Check{Node: on, CheckID: "c1", Name: "c", ServiceID: service, Status: status, ModifyIndex: at}}
	}
	steps := []struct {
		ops    []TxnOp
		items  int
		faults []int
	}{
		{[]TxnOp{node(CatalogGet, "", 0), service(CatalogSet, "n1", 1, 0), check(CatalogSet, "n1", "", "passing", 0)}, 0, []int{0, 1, 2}},
		{[]TxnOp{node(CatalogSet, "a", 0), service(CatalogSet, "n1", 1, 0), check(CatalogSet, "n1", "w1", "passing", 0)}, 3, nil},
		{[]TxnOp{node(CatalogCAS, "b", 1), service(CatalogCAS, "n1", 2, 1), check(CatalogCAS, "n1", "w1", "warning", 1)}, 0, []int{0, 1, 2}},
		{[]TxnOp{node(CatalogCAS, "b", 2), service(CatalogCAS, "n1", 2, 2), check(CatalogCAS, "n1", "w1", "warning", 2)}, 3, nil},
		{[]TxnOp{node(CatalogGet, "", 0), service(CatalogGet, "n1", 0, 0), check(CatalogGet, "n1", "", "", 0)}, 3, nil},
		{[]TxnOp{check(CatalogSet, "n1", "nobody", "passing", 0), node(77, "", 0), service(77, "n1", 0, 0)}, 0, []int{0, 1, 2}},
		{[]TxnOp{node(CatalogDeleteCAS, "", 1), service(CatalogDeleteCAS, "n1", 0, 1), check(CatalogDeleteCAS, "n1", "", "", 1)}, 0, []int{0, 1, 2}},
		{[]TxnOp{check(CatalogDeleteCAS, "n1", "", "", 4), service(CatalogDelete, "n1", 0, 0), service(CatalogDelete, "n1", 0, 0), node(CatalogDelete, "", 0), node(CatalogDelete, "", 0)}, 0, nil},
	}
	for i, st := range steps {
		r := s.txn(st.ops...)
		require.Len(t, r.Items, st.items, "step %d", i)
		var failed []int
		for _, f := range r.Faults {
			failed = append(failed, f.OpIndex)
		}
		require.Equal(t, st.faults, failed, "step %d: %v", i, r.Faults)
	}
	require.Zero(t, s.State().NodeCount())
}
