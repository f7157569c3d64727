package store

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func set(key, value string) *KV {
	return &KV{Verb: KVSet, Pair: api.KVPair{Key: key, Value: []byte(value)}}
}

func del(key string) *KV { return &KV{Verb: KVDelete, Pair: api.KVPair{Key: key}} }

func delTree(prefix string) *KV { return &KV{Verb: KVDeleteTree, Pair: api.KVPair{Key: prefix}} }

func (s *testStore) pair(key string) *api.KVPair {
	p, _, _ := s.State().Key(key)
	return p
}

func (s *testStore) keyIndex(key string) uint64 {
	_, i, _ := s.State().Key(key)
	return i
}

func (s *testStore) prefixIndex(prefix string) uint64 {
	i, _ := s.State().KeyPrefix(prefix)
	return i
}

func TestKeyVerbs(t *testing.T) {
	type step struct {
		verb KVVerb
		key  string
		at   uint64 // ModifyIndex given
		ok   bool
		have string // keys after it, with their index
	}
	for name, steps := range map[string][]step{
		"set and delete": {
			{KVSet, "a", 0, true, "a=1"}, {KVSet, "b", 0, true, "a=1 b=2"}, {KVDelete, "a", 0, true, "b=2"}, {KVDelete, "none", 0, true, "b=2"},
		},
		"cas": {
			{KVCAS, "a", 7, false, ""}, {KVCAS, "a", 0, true, "a=2"}, {KVCAS, "a", 0, false, "a=2"}, {KVCAS, "a", 1, false, "a=2"}, {KVCAS, "a", 2, true, "a=5"},
		},
		"delete-cas": {
			{KVSet, "a", 0, true, "a=1"}, {KVDeleteCAS, "a", 0, false, "a=1"}, {KVDeleteCAS, "a", 1, true, ""}, {KVDeleteCAS, "a", 9, true, ""},
		},
		"delete-tree": {
			{KVSet, "a/1", 0, true, "a/1=1"}, {KVSet, "a", 0, true, "a=2 a/1=1"}, {KVSet, "b", 0, true, "a=2 a/1=1 b=3"},
			{KVDeleteTree, "a/", 0, true, "a=2 b=3"}, {KVDeleteTree, "x", 0, true, "a=2 b=3"}, {KVDeleteTree, "", 0, true, ""}, {KVSet, "a/1", 0, true, "a/1=7"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t)
			for i, st := range steps {
				r := s.apply(&KV{Verb: st.verb, Pair: api.KVPair{Key: st.key, Value: fmt.Append(nil, i), ModifyIndex: st.at}})
				require.NoError(t, r.Err)
				require.Equal(t, st.ok, r.OK, "step %d", i)
				var have []string
				s.State().Pairs("", func(p *api.KVPair) bool {
					have = append(have, fmt.Sprintf("%s=%d", p.Key, p.ModifyIndex))
					return true
				})
				require.Equal(t, st.have, strings.Join(have, " "), "step %d", i)
				require.Equal(t, len(have), s.State().KeyCount())
			}
		})
	}
}

func TestEqualPutChangesNothing(t *testing.T) {
	s := openTest(t)
	s.apply(set("a", "1"))
	p, _, w := s.State().Key("a")
	ch := w.C()
	s.apply(set("a", "1"))
	require.Same(t, p, s.pair("a"))
	require.False(t, fired(ch))
	s.apply(set("a", "2"))
	require.True(t, fired(ch))
	require.EqualValues(t, 1, s.pair("a").CreateIndex)
	require.EqualValues(t, 3, s.pair("a").ModifyIndex)
}

func TestUnusableKeysAreRefused(t *testing.T) {
	s := openTest(t)
	require.ErrorIs(t, s.apply(set("", "x")).Err, api.Invalid)
	require.ErrorIs(t, s.apply(set(strings.Repeat("k", MaxKeyLength+1), "x")).Err, api.TooLarge)
	require.NoError(t, s.apply(set(strings.Repeat("k", MaxKeyLength), "x")).Err)
	require.NoError(t, s.apply(delTree(strings.Repeat("k", MaxKeyLength))).Err)
	s.reopen()
	require.EqualValues(t, 4, s.prefixIndex(""))
}

func TestKeyNames(t *testing.T) {
	s := openTest(t)
	for _, k := range []string{"a", "a/b/c", "a/b/d", "a/e", "a/e/", "ab", "z/"} {
		s.apply(set(k, "x"))
	}
	s.apply(set("gone/x", "x"))
	s.apply(del("gone/x"))
	for _, c := range []struct{ prefix, separator, want string }{
		{"", "", "a a/b/c a/b/d a/e a/e/ ab z/"},
		{"", "/", "a a/ ab z/"},
		{"a", "/", "a a/ ab"},
		{"a/", "/", "a/b/ a/e a/e/"},
		{"a/b", "/", "a/b/"},
		{"a/b/", "/", "a/b/c a/b/d"},
		{"a/b/c", "/", "a/b/c"},
		{"z", "/", "z/"},
		{"z/", "/", "z/"},
		{"", "/b/", "a a/b/ a/e a/e/ ab z/"},
		{"a/", "d", "a/b/c a/b/d a/e a/e/"},
		{"gone", "/", ""},
		{"x", "/", ""},
	} {
		require.Equal(t, c.want, strings.Join(s.State().KeyNames(c.prefix, c.separator), " "), "%+v", c)
	}
}

func TestKeyWatchWakesOnlyWhomItConcerns(t *testing.T) {
	s := openTest(t)
	s.batch(set("a/1", "x"), set("a/2", "x"), set("b/1", "x"), set("b/2", "x"))
	watch := func() map[string]<-chan struct{} {
		m := map[string]<-chan struct{}{}
		for _, k := range []string{"a/1", "a/2", "b/1"} {
			_, _, w := s.State().Key(k)
			m["key "+k] = w.C()
		}
		for _, p := range []string{"", "a/", "b", "b/"} {
			_, w := s.State().KeyPrefix(p)
			m["tree "+p] = w.C()
		}
		_, _, w := s.State().Key("a/9")
		m["absent a/9"] = w.C()
		return m
	}
	for _, c := range []struct {
		change Command
		want   string
	}{
		// What is absent shares the watch of its neighbourhood: false alarms.
		{set("a/1", "y"), "absent a/9 key a/1 tree  tree a/"},
		{del("b/1"), "key b/1 tree  tree b tree b/"},
		{delTree("a/"), "absent a/9 key a/1 key a/2 tree  tree a/"},
		{set("a/9", "y"), "absent a/9 key a/1 key a/2 tree  tree a/"},
	} {
		m := watch()
		s.apply(c.change)
		var woken []string
		for name, ch := range m {
			if fired(ch) {
				woken = append(woken, name)
			}
		}
		sort.Strings(woken)
		require.Equal(t, c.want, strings.Join(woken, " "), "%+v", c.change)
	}
}

func TestIndexOfAbsentKeyStaysWithUnrelatedWrites(t *testing.T) {
	s := openTest(t)
	s.apply(set("a/1", "x"))
	require.EqualValues(t, 1, s.keyIndex("nobody"))
	require.EqualValues(t, 1, s.prefixIndex("b/"))
	s.apply(set("b/1", "x"))
	s.apply(del("b/1"))
	require.EqualValues(t, 1, s.prefixIndex("a/"))
	require.EqualValues(t, 1, s.keyIndex("nobody"))
	require.EqualValues(t, 3, s.keyIndex("b/1"))
	require.EqualValues(t, 3, s.prefixIndex("b/"))
	s.reopen()
	require.EqualValues(t, 3, s.keyIndex("b/1"))
	require.EqualValues(t, 1, s.keyIndex("nobody"))
}

func TestReapedTombstonesLeaveAFloor(t *testing.T) {
	s := openTest(t)
	s.batch(set("a", "x"), set("b/1", "x"), set("c", "x"), del("a"), delTree("b/"))
	require.EqualValues(t, 4, s.State().OldestGrave())
	s.apply(&ReapTombstones{Through: 4})
	require.EqualValues(t, 5, s.State().OldestGrave())
	require.EqualValues(t, 4, s.keyIndex("a"))
	require.EqualValues(t, 4, s.keyIndex("never"))
	require.EqualValues(t, 3, s.keyIndex("c"))
	s.apply(&ReapTombstones{Through: 100})
	require.Zero(t, s.State().OldestGrave())
	require.EqualValues(t, 5, s.prefixIndex("b/"))
	s.reopen()
	require.EqualValues(t, 5, s.prefixIndex("b/"))
	require.Equal(t, []string{"c"}, s.State().KeyNames("", ""))
	n := 0
	s.State().kv.root.walk(func(*kvEntry) bool { n++; return true })
	require.Equal(t, 1, n)
}

func TestTombstonesAreBounded(t *testing.T) {
	s := openTest(t)
	for i := range 3 {
		var cs []Command
		for j := range graveLimit {
			k := fmt.Sprint(i, "/", j)
			cs = append(cs, set(k, ""), del(k))
		}
		s.batch(cs...)
		require.LessOrEqual(t, s.State().kv.graves.Len(), graveLimit)
	}
	require.Greater(t, s.State().kv.floor, uint64(1))
}

// TestKeyIndexesNeverRunBackwards compares the tree with a plain map under
// random changes, and every index with the last one that was answered.
func TestKeyIndexesNeverRunBackwards(t *testing.T) {
	s := openTest(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	model := map[string]uint64{}
	var names []string
	for _, a := range []string{"", "a", "ab", "b/", "b/c/"} {
		for _, b := range []string{"", "x", "xy", "/"} {
			names = append(names, a+b)
		}
	}
	last := map[string]uint64{}
	for range 1500 {
		name := names[rnd.IntN(len(names))]
		var c Command
		switch rnd.IntN(12) {
		case 0:
			c = delTree(name)
		case 1:
			c = &ReapTombstones{Through: s.index * 2 / 3}
		case 2, 3, 4:
			c = &KV{Verb: KVDelete, Pair: api.KVPair{Key: name + "k"}}
		default:
			c = set(name+"k", fmt.Sprint(rnd.IntN(3)))
		}
		before := s.State()
		s.apply(c)
		if rnd.IntN(100) == 0 {
			s.reopen()
		}
		switch c := c.(type) {
		case *KV:
			for k := range model {
				if c.Verb == KVDelete && k == c.Pair.Key || c.Verb == KVDeleteTree && strings.HasPrefix(k, c.Pair.Key) {
					delete(model, k)
				}
			}
			if old, _, _ := before.Key(c.Pair.Key); c.Verb == KVSet && (old == nil || string(old.Value) != string(c.Pair.Value)) {
				model[c.Pair.Key] = s.index
			}
		}
		for _, n := range names {
			p, index, _ := s.State().Key(n + "k")
			require.Equal(t, model[n+"k"] != 0, p != nil)
			if p != nil {
				require.Equal(t, model[n+"k"], p.ModifyIndex)
				require.Equal(t, index, p.ModifyIndex)
			}
			require.GreaterOrEqual(t, index, last["key "+n])
			last["key "+n] = index
			highest, count := uint64(0), 0
			for k, i := range model {
				if strings.HasPrefix(k, n) {
					highest, count = max(highest, i), count+1
				}
			}
			index = s.prefixIndex(n)
			require.GreaterOrEqual(t, index, highest)
			require.GreaterOrEqual(t, index, last["tree "+n])
			last["tree "+n] = index
			require.Len(t, s.State().KeyNames(n, ""), count)
		}
	}
}

func BenchmarkKVSet(b *testing.B) {
	s := &Store{texts: interner{}, dirty: records{}, disk: &checkpoint{wake: make(chan struct{}, 1)}}
	s.state.Store(emptyState())
	value := strings.Repeat("v", 100)
	batch := make([]Entry, 64)
	b.ReportAllocs()
	for i := 0; i < b.N; i += len(batch) {
		for j := range batch {
			batch[j] = Entry{Index: uint64(i + j + 1), Term: 1, Data: Encode(set(fmt.Sprintf("bench/key/%07d", (i+j)%1000000), value))}
		}
		s.ApplyBatch(batch)
		clear(s.dirty)
	}
}

func BenchmarkKVPrefix(b *testing.B) {
	t := emptyKV().edit()
	for i := range 1000000 {
		t.put(&kvEntry{pair: api.KVPair{Key: fmt.Sprintf("bench/%04d/%03d", i/1000, i%1000), CreateIndex: 1, ModifyIndex: uint64(i + 1)}})
	}
	s := &State{kv: t.kvState}
	b.Run("list", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			n := 0
			s.Pairs(fmt.Sprintf("bench/%04d/", i%1000), func(*api.KVPair) bool { n++; return true })
		}
	})
	b.Run("folders", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			s.KeyNames("bench/", "/")
		}
	})
	b.Run("index", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			s.KeyPrefix("bench/")
		}
	})
	b.Run("get", func(b *testing.B) {
		for i := range b.N {
			s.Key(fmt.Sprintf("bench/%04d/%03d", i%1000, i%999))
		}
	})
}
