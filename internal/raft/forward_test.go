package raft

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// Many commands at once through a server that does not lead: each gets its own
// result, and all are applied once.
func TestForwardedTogether(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	s := c.get(c.followers()[0])
	const writers, each = 64, 20
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			before := ""
			for i := range each {
				value := fmt.Sprint(i)
				result, index, err := s.Apply(t.Context(), fmt.Appendf(nil, "k%d=%s", w, value))
				if err != nil || index == 0 || string(result) != "was "+before {
					t.Errorf("writer %d, write %d: %q at %d, %v", w, i, result, index, err)
					return
				}
				before = value
			}
		})
	}
	wg.Wait()
	for w := range writers {
		require.Equal(t, fmt.Sprint(each-1), c.read(s.cfg.ID, fmt.Sprintf("k%d", w)))
	}
	leader := c.leader()
	leader.fsm.mu.Lock()
	defer leader.fsm.mu.Unlock()
	n := 0
	for _, cmd := range leader.fsm.log {
		if cmd[0] == 'k' {
			n++
		}
	}
	require.Equal(t, writers*each, n)
}

func TestForwardedAnswers(t *testing.T) {
	applied := appendApplied(nil, proposed{index: 7, result: []byte("ok")}, nil)
	refused := appendApplied(nil, proposed{}, api.E(api.NotLeader, "not me"))
	both := append(append([]byte(nil), applied...), refused...)
	for name, test := range map[string]struct {
		answer []byte
		err    error
		want   [2]error // by kind
	}{
		"each its own":         {answer: both, want: [2]error{nil, api.NotLeader}},
		"the call failed":      {err: api.E(api.OutcomeUnknown, "broke"), want: [2]error{api.OutcomeUnknown, api.OutcomeUnknown}},
		"one answer too few":   {answer: applied, want: [2]error{nil, api.OutcomeUnknown}},
		"cut in the second":    {answer: both[:len(both)-1], want: [2]error{nil, api.OutcomeUnknown}},
		"an answer of nothing": {answer: []byte{0, 0}, want: [2]error{api.OutcomeUnknown, api.OutcomeUnknown}},
	} {
		t.Run(name, func(t *testing.T) {
			batch := []*forwarded{{}, {}}
			handOut(batch, test.answer, test.err)
			for i, c := range batch {
				require.ErrorIs(t, c.err, test.want[i])
				if test.want[i] == nil {
					require.NoError(t, c.err)
					require.Equal(t, append(binary.BigEndian.AppendUint64(nil, 7), "ok"...), c.reply)
				}
			}
		})
	}
}

// A command that waits for its turn can be taken back, and then was never sent.
func TestForwardWithdrawn(t *testing.T) {
	f := &forwarder{node: &Node{proposals: newGroup()}, calls: forwardsInFlight}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.Apply(ctx, []byte("x"))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, api.OutcomeUnknown)
	require.Nil(t, f.take())
}
