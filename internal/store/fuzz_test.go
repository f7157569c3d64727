package store

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzDecode feeds any bytes to the reader of commands: it must neither panic
// nor read something that is written differently.
func FuzzDecode(f *testing.F) {
	for _, c := range goldenCommands() {
		f.Add(Encode(c))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Decode(data)
		if err != nil || c == nil {
			return
		}
		again, err := Decode(Encode(c))
		require.NoError(t, err)
		require.Equal(t, Encode(c), Encode(again))
	})
}

// FuzzTxn applies transactions made of any bytes: a failed one must leave the
// state as it was, and what is in memory must be what a restart finds.
func FuzzTxn(f *testing.F) {
	f.Add([]byte{1, 0, 0, 8, 1, 0}, byte(3))
	f.Add([]byte{6, 1, 0, 7, 1, 0, 3, 2, 1, 2, 2, 0}, byte(9))
	keys := []string{"a", "a/b", "a/c", "b", ""}
	f.Fuzz(func(t *testing.T, script []byte, split byte) {
		s := &Store{texts: interner{}, dirty: records{}, disk: &checkpoint{wake: make(chan struct{}, 1)}}
		s.state.Store(emptyState())
		index := uint64(0)
		apply := func(c Command) Result {
			index++
			r, err := DecodeResult(s.ApplyBatch([]Entry{{Index: index, Term: 1, Data: Encode(c)}})[0])
			require.NoError(t, err)
			return r
		}
		apply(instance("n1", "web", "w1"))
		apply(session("s1", "n1"))
		var ops []TxnOp
		for ; len(script) >= 3 && len(ops) < MaxTxnOps; script = script[3:] {
			op := kvOp(KVVerb(script[0]%16), keys[int(script[1])%len(keys)], "v", uint64(script[2])%8)
			if script[1]&0x80 != 0 {
				op.KV.Pair.Session = "s1"
			}
			ops = append(ops, op)
			if script[0]%max(split, 1) != 0 {
				continue
			}
			before := s.State().kv
			if r := apply(&Txn{Ops: ops}); !r.OK {
				require.Equal(t, before, s.State().kv)
			}
			ops = nil
		}
		l := newLoader()
		require.NoError(t, s.State().records(func(b byte, k string, v any) error { return l.add(b, k, encodeRecord(v)) }))
		require.NoError(t, l.meta(appendMeta(nil, s.State())))
		require.Equal(t, snapshotOf(t, s.State()), snapshotOf(t, l.finish()))
	})
}
