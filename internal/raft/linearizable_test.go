package raft

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

type registerInput struct {
	write bool
	value string
}

// register is one key: a write sets it, a read returns it.
func register() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, output any) (bool, any) {
			in := input.(registerInput)
			if in.write {
				return true, in.value
			}
			return output.(string) == state.(string), state
		},
	}
}

// Reads in both modes on every server agree with one order of all operations,
// while leaders are cut off and killed.
func TestReadsAreLinearizable(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	ids := []string{"a", "b", "c"}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)

	var mu sync.Mutex
	var history []porcupine.Operation
	begin := time.Now()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for client := range 6 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(client)))
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond): // keeps the history checkable
				}
				s := c.get(ids[rnd.IntN(3)])
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				op := porcupine.Operation{ClientId: client, Call: int64(time.Since(begin))}
				var err error
				if rnd.IntN(3) == 0 {
					in := registerInput{write: true, value: fmt.Sprintf("%d.%d", client, i)}
					op.Input, op.Output = in, ""
					_, _, err = s.Apply(ctx, []byte("k="+in.value))
					if errors.Is(err, api.OutcomeUnknown) {
						// It may take effect at any later time.
						op.Return, err = int64(time.Hour), nil
						op.ClientId = 1000 + client*100000 + i
					}
				} else {
					op.Input = registerInput{}
					if err = s.ReadIndex(ctx, Consistency(rnd.IntN(2))); err == nil {
						op.Output = s.fsm.get("k")
					}
				}
				cancel()
				if err != nil {
					continue
				}
				if op.Return == 0 {
					op.Return = int64(time.Since(begin))
				}
				mu.Lock()
				history = append(history, op)
				mu.Unlock()
			}
		})
	}
	more := func() {
		mu.Lock()
		want := len(history) + 40
		mu.Unlock()
		c.eventually(func() error {
			mu.Lock()
			defer mu.Unlock()
			if len(history) < want {
				return fmt.Errorf("%d operations, want %d", len(history), want)
			}
			return nil
		})
	}
	for round := range 4 {
		more()
		victim := c.leader().cfg.ID
		if round%2 == 0 {
			c.isolate(victim, true)
			c.leader(c.others(ids, victim)...)
			c.isolate(victim, false)
		} else {
			c.kill(victim)
			c.leader(c.others(ids, victim)...)
			c.mustStart(victim, nil)
		}
		c.ready(victim)
	}
	more()
	close(stop)
	wg.Wait()
	result, _ := porcupine.CheckOperationsVerbose(register(), history, 20*time.Second)
	require.NotEqual(t, porcupine.Illegal, result, describe(history))
}

func describe(history []porcupine.Operation) string {
	var b strings.Builder
	for _, op := range history {
		fmt.Fprintf(&b, "%d %d..%d %+v %v\n", op.ClientId, op.Call, op.Return, op.Input, op.Output)
	}
	return b.String()
}
