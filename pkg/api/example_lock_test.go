package api_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/registryd/registryd/pkg/api"
)

// The function's context ends before anybody else can have the lock.
func ExampleClient_WithLock() {
	client, stop := exampleClient()
	defer stop()

	err := client.WithLock(context.Background(), "jobs/nightly", nil, func(ctx context.Context, _ api.FencingToken) error {
		fmt.Println("alone", ctx.Err())
		return nil
	})
	fmt.Println(err)
	// Output:
	// alone <nil>
	// <nil>
}

// ledger stands for what must not be written by two at once. It refuses a
// holder of the lock that is no longer the latest: one that slept through the
// end of its lease, for instance.
type ledger struct{ highest uint64 }

func (l *ledger) write(token api.FencingToken) error {
	if token.ModifyIndex < l.highest {
		return errors.New("an old holder, refused")
	}
	l.highest = token.ModifyIndex
	return nil
}

func ExampleClient_Lock() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()
	var l ledger

	first, err := client.Lock(ctx, "ledger", &api.LockOptions{Value: []byte("host-1")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("first:", l.write(first.Token()))
	_, err = client.TryLock(ctx, "ledger", nil)
	fmt.Println("held:", errors.Is(err, api.Conflict))
	if err := first.Release(ctx); err != nil {
		fmt.Println(err)
		return
	}

	second, err := client.Lock(ctx, "ledger", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer second.Release(ctx)
	fmt.Println("second:", l.write(second.Token()))
	fmt.Println("first again:", l.write(first.Token()))
	// Output:
	// first: <nil>
	// held: true
	// second: <nil>
	// first again: an old holder, refused
}

func ExampleClient_Semaphore() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()

	const slots = 2
	for i := range slots {
		s, err := client.Semaphore(ctx, "batch", slots, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer s.Release(ctx)
		fmt.Println("slot", i+1)
	}
	_, err := client.TrySemaphore(ctx, "batch", slots, nil)
	fmt.Println(errors.Is(err, api.Conflict))
	// Output:
	// slot 1
	// slot 2
	// true
}

// Of all processes that run for one key, one at a time leads.
func ExampleElection_Run() {
	client, stop := exampleClient()
	defer stop()
	ctx := context.Background()

	e := client.Election("leader", &api.LockOptions{Value: []byte("10.0.0.1:7000")})
	err := e.Run(ctx, func(ctx context.Context, _ api.FencingToken) error {
		who, _, err := e.Leader(ctx, nil)
		if err != nil {
			return err
		}
		fmt.Printf("%s leads\n", who.Value)
		return nil // resigns; a leader usually works until its ctx ends
	})
	fmt.Println(err)
	_, _, err = e.Leader(ctx, nil)
	fmt.Println(errors.Is(err, api.NotFound))
	// Output:
	// 10.0.0.1:7000 leads
	// <nil>
	// true
}
