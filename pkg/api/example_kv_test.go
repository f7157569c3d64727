package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/registryd/registryd/pkg/api"
)

func ExampleKV_Get() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()

	err := client.KV().Put(ctx, &api.KVPair{Key: "config/limit", Value: []byte("10")})
	if err != nil {
		fmt.Println(err)
		return
	}
	p, _, err := client.KV().Get(ctx, "config/limit", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s = %s\n", p.Key, p.Value)

	_, _, err = client.KV().Get(ctx, "config/other", nil)
	fmt.Println(errors.Is(err, api.NotFound))
	// Output:
	// config/limit = 10
	// true
}

// A value read, changed and written back is written only if nobody else wrote
// meanwhile.
func ExampleKV_CAS() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()

	created, err := client.KV().CAS(ctx, &api.KVPair{Key: "counter", Value: []byte("1")}) // ModifyIndex 0: must not exist
	fmt.Println(created, err)
	p, _, err := client.KV().Get(ctx, "counter", nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	p.Value = []byte("2")
	first, err := client.KV().CAS(ctx, p)
	fmt.Println(first, err)
	second, err := client.KV().CAS(ctx, p) // the index read is no longer that of the key
	fmt.Println(second, err)
	// Output:
	// true <nil>
	// true <nil>
	// false <nil>
}

func ExampleKV_Keys() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()

	for _, key := range []string{"app/a/1", "app/a/2", "app/b"} {
		if err := client.KV().Put(ctx, &api.KVPair{Key: key}); err != nil {
			fmt.Println(err)
			return
		}
	}
	keys, _, err := client.KV().Keys(ctx, "app/", "/", nil)
	fmt.Println(keys, err)
	// Output: [app/a/ app/b] <nil>
}

// All operations of a transaction happen at one index, or none does.
func ExampleClient_Txn() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()
	set := func(key, value string) *api.TxnOp {
		return &api.TxnOp{KV: &api.TxnKVOp{Verb: api.TxnSet, Key: key, Value: []byte(value)}}
	}

	out, err := client.Txn(ctx, []*api.TxnOp{set("a", "1"), set("b", "2")}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(out.Results), out.Results[0].KV.ModifyIndex == out.Results[1].KV.ModifyIndex)

	mustBeNew := &api.TxnOp{KV: &api.TxnKVOp{Verb: api.TxnCheckNotExists, Key: "b"}}
	out, err = client.Txn(ctx, []*api.TxnOp{set("a", "3"), mustBeNew}, nil)
	fmt.Println(errors.Is(err, api.Conflict), out.Errors[0].OpIndex)
	p, _, err := client.KV().Get(ctx, "a", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("a = %s\n", p.Value)
	// Output:
	// 2 true
	// true 1
	// a = 1
}

func ExampleEvents_Fire() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()

	id, err := client.Events().Fire(ctx, &api.UserEvent{Name: "deploy", Payload: []byte("v42")})
	if err != nil {
		fmt.Println(err)
		return
	}
	list, _, err := client.Events().List(ctx, "deploy", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, e := range list {
		fmt.Println(e.Name, string(e.Payload), e.ID == id)
	}
	// Output: deploy v42 true
}

func ExampleSnapshots_Save() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()
	put := func(value string) {
		if err := client.KV().Put(ctx, &api.KVPair{Key: "k", Value: []byte(value)}); err != nil {
			fmt.Println(err)
		}
	}

	put("before")
	archive, _, err := client.Snapshots().Save(ctx, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer archive.Close()
	saved, err := io.ReadAll(archive) // no error means that it is whole
	if err != nil {
		fmt.Println(err)
		return
	}
	put("after")

	if err := client.Snapshots().Restore(ctx, bytes.NewReader(saved)); err != nil {
		fmt.Println(err)
		return
	}
	p, _, err := client.KV().Get(ctx, "k", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", p.Value)
	// Output: before
}
