package official

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func testKV(t *testing.T, w world) {
	kv := func() *api.KV { return w.client().KV() }
	pair, meta, err := kv().Get("kv/none", nil)
	require.NoError(t, err)
	require.Nil(t, pair)
	require.NotZero(t, meta.LastIndex, "an index also where there is nothing")

	_, err = kv().Put(&api.KVPair{Key: "kv/a", Value: []byte("one"), Flags: 42}, nil)
	require.NoError(t, err)
	pair, _, err = kv().Get("kv/a", &api.QueryOptions{RequireConsistent: true})
	require.NoError(t, err)
	require.Equal(t, []byte("one"), pair.Value)
	require.EqualValues(t, 42, pair.Flags)
	require.Equal(t, pair.CreateIndex, pair.ModifyIndex)

	for _, c := range []struct {
		index uint64
		want  bool
	}{{0, false}, {pair.ModifyIndex + 1, false}, {pair.ModifyIndex, true}, {pair.ModifyIndex, false}} {
		ok, _, err := kv().CAS(&api.KVPair{Key: "kv/a", Value: []byte("two"), ModifyIndex: c.index}, nil)
		require.NoError(t, err)
		require.Equal(t, c.want, ok)
	}
	ok, _, err := kv().CAS(&api.KVPair{Key: "kv/new", Value: []byte("first")}, nil)
	require.NoError(t, err)
	require.True(t, ok)

	odd := "kv/dir/odd key/ä?&=%20"
	for _, k := range []string{"kv/dir/1", "kv/dir/sub/2", odd} {
		_, err := kv().Put(&api.KVPair{Key: k, Value: []byte(k)}, nil)
		require.NoError(t, err)
	}
	pair, _, err = kv().Get(odd, nil)
	require.NoError(t, err)
	require.Equal(t, odd, pair.Key)
	pairs, _, err := kv().List("kv/dir/", nil)
	require.NoError(t, err)
	require.Len(t, pairs, 3)
	keys, _, err := kv().Keys("kv/", "/", nil)
	require.NoError(t, err)
	require.Equal(t, []string{"kv/a", "kv/dir/", "kv/new"}, keys)

	pair, _, err = kv().Get("kv/a", nil)
	require.NoError(t, err)
	ok, _, err = kv().DeleteCAS(&api.KVPair{Key: "kv/a", ModifyIndex: pair.ModifyIndex - 1}, nil)
	require.NoError(t, err)
	require.False(t, ok)
	ok, _, err = kv().DeleteCAS(pair, nil)
	require.NoError(t, err)
	require.True(t, ok)
	_, err = kv().DeleteTree("kv/dir/", nil)
	require.NoError(t, err)
	_, err = kv().Delete("kv/new", nil)
	require.NoError(t, err)
	pairs, after, err := kv().List("kv/", nil)
	require.NoError(t, err)
	require.Empty(t, pairs)
	require.Greater(t, after.LastIndex, meta.LastIndex, "deleting is a change")
}

// Ten writers count together by compare-and-set: none of the counts is lost.
func testKVCounter(t *testing.T, w world) {
	const writers, each = 5, 8
	var wg sync.WaitGroup
	errs := make(chan error, writers)
	for range writers {
		kv := w.client().KV()
		wg.Go(func() {
			for done := 0; done < each; {
				pair, _, err := kv.Get("counter", nil)
				if err != nil {
					errs <- err
					return
				}
				n, index := 0, uint64(0)
				if pair != nil {
					n, _ = strconv.Atoi(string(pair.Value))
					index = pair.ModifyIndex
				}
				ok, _, err := kv.CAS(&api.KVPair{Key: "counter", Value: []byte(strconv.Itoa(n + 1)), ModifyIndex: index}, nil)
				if err != nil {
					errs <- err
					return
				}
				if ok {
					done++
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	pair, _, err := w.client().KV().Get("counter", nil)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprint(writers*each), string(pair.Value))
}

func testKVLimits(t *testing.T, w world) {
	kv := w.client().KV()
	most := bytes.Repeat([]byte("x"), 512<<10)
	_, err := kv.Put(&api.KVPair{Key: "limit/most", Value: most}, nil)
	require.NoError(t, err)
	pair, _, err := w.client().KV().Get("limit/most", nil)
	require.NoError(t, err)
	require.Equal(t, most, pair.Value)
	_, err = kv.Put(&api.KVPair{Key: "limit/more", Value: append(most, 'x')}, nil)
	require.ErrorContains(t, err, "413")
	_, err = kv.DeleteTree("limit/", nil)
	require.NoError(t, err)
	_, err = kv.Put(&api.KVPair{Key: "/leading"}, nil)
	require.ErrorContains(t, err, "must not begin with a '/'")
}

func testKVBlocking(t *testing.T, w world) {
	client := w.client()
	_, meta, err := client.KV().Get("wait/key", nil)
	require.NoError(t, err)
	got := make(chan *api.KVPair, 1)
	go func() {
		pair, _, err := client.KV().Get("wait/key", &api.QueryOptions{WaitIndex: meta.LastIndex, WaitTime: time.Minute})
		if err == nil {
			got <- pair
		}
	}()
	for i := range 5 {
		_, err := w.client().KV().Put(&api.KVPair{Key: "elsewhere/key", Value: []byte{byte(i)}}, nil)
		require.NoError(t, err)
	}
	select {
	case pair := <-got:
		t.Fatalf("woke for another key: %+v", pair)
	default:
	}
	_, err = w.client().KV().Put(&api.KVPair{Key: "wait/key", Value: []byte("here")}, nil)
	require.NoError(t, err)
	require.Equal(t, "here", string(rig.Within(t, "the key", got).Value))
}
