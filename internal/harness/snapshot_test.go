package harness_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// A snapshot is restored while servers are killed: afterwards all servers have
// the restored state, or all have the one before, and after an acknowledgement
// it is the restored one.
func TestRestoreIsAllOrNothing(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	c := harness.New(t, harness.Options{Settings: map[string]string{
		"raft_snapshot_threshold": "40", "raft_trailing_logs": "20", "raft_snapshot_interval": "50ms",
	}})
	const saved, later = 60, 30
	value := 0
	write := func(n int) {
		t.Helper()
		client := c.AnyClient()
		for i := range n {
			value++
			key := fmt.Sprintf("k%d", i)
			harness.Await(t, "a write", func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				return client.KV().Put(ctx, &api.KVPair{Key: key, Value: []byte(fmt.Sprint(value))})
			})
		}
	}
	write(saved)
	for i := range 4 { // so that a restore takes several commands
		random := make([]byte, 400<<10)
		for j := range random {
			random[j] = byte(rnd.Uint32())
		}
		require.NoError(t, c.AnyClient().KV().Put(c.Context(), &api.KVPair{Key: fmt.Sprintf("large%d", i), Value: random}))
	}
	archive := save(t, c)
	before := keys(t, c)

	for range harness.Soak(4) {
		write(later) // over some of the keys
		require.NoError(t, c.AnyClient().KV().Put(c.Context(), &api.KVPair{Key: "added", Value: []byte("x")}))
		after := keys(t, c)
		var acked error
		var restoring sync.WaitGroup
		via := rnd.IntN(c.Len())
		restoring.Go(func() { acked = c.Client(via).Snapshots().Restore(c.Context(), bytes.NewReader(archive)) })
		harness.Pause(rnd, 0, 60*time.Millisecond)()
		victim := rnd.IntN(c.Len())
		if rnd.IntN(2) == 0 {
			victim = c.WaitLeader()
		}
		c.Kill(victim)
		restoring.Wait()
		c.Start(victim)
		c.WaitHealthy()
		have := keys(t, c)
		switch {
		case acked == nil:
			require.Equal(t, before, have, "restored, and acknowledged")
		case strings.Contains(acked.Error(), "nothing was changed"):
			require.Equal(t, after, have, "not restored, and said so")
		case have["added"] == "":
			require.Equal(t, before, have, "restored")
		default:
			require.Equal(t, after, have, "not restored")
		}
		t.Logf("restore through %d, %d killed: %v", via, victim, acked)
	}
	c.Verify()
}

// Saves taken while clients write all hold one moment each: the keys of a
// transaction are equal in every one of them.
func TestSnapshotIsOneMoment(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	c := harness.New(t, harness.Options{})
	h := harness.NewHistory()
	k := harness.NewKeyWork(nil)
	clients := []*api.Client{c.Client(0), c.Client(1), c.Client(2)}
	var archives [][]byte
	harness.During(func() {
		for range 10 {
			archives = append(archives, save(t, c))
			harness.Pause(rnd, 0, 20*time.Millisecond)()
		}
	}, len(clients), func(worker int, rnd *rand.Rand) {
		if err := k.Do(t.Context(), h, clients[worker], worker, rnd); !knownOrUnsure(err) {
			t.Errorf("write: %v", err)
		}
	}, rnd)
	for n, a := range archives {
		restore(t, c, n%c.Len(), a)
		have := keys(t, c)
		require.Equal(t, have["group/0"], have["group/1"], "archive %d", n)
		require.Equal(t, have["group/0"], have["group/2"], "archive %d", n)
	}
	c.Verify()
}

// A snapshot is restored, again and again, while clients write: all servers do
// that at one place in the order of writes. What was acknowledged before is as
// the snapshot has it, and what began after its acknowledgement is there.
func TestRestoreUnderLoad(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	c := harness.New(t, harness.Options{})
	clients := []*api.Client{c.Client(0), c.Client(1), c.Client(2)}
	key := func(worker int) string { return fmt.Sprintf("w%d", worker) }
	for i := range clients {
		require.NoError(t, clients[0].KV().Put(c.Context(), &api.KVPair{Key: key(i), Value: []byte("saved")}))
	}
	archive := save(t, c)
	type written struct {
		value      string
		begun, end time.Time
		unsure     bool
	}
	for range harness.Soak(4) {
		var begun, end time.Time
		logs := make([][]written, len(clients)) // by worker, in order
		enough := func(n int) {
			harness.Pause(rnd, time.Duration(n)*time.Millisecond, time.Duration(2*n)*time.Millisecond)()
		}
		harness.During(func() {
			enough(20)
			begun = time.Now()
			restore(t, c, rnd.IntN(c.Len()), archive)
			end = time.Now()
			enough(rnd.IntN(20) + 1)
		}, len(clients), func(worker int, rnd *rand.Rand) {
			w := written{value: fmt.Sprint(rnd.Uint64()), begun: time.Now()}
			err := clients[worker].KV().Put(c.Context(), &api.KVPair{Key: key(worker), Value: []byte(w.value)})
			if !knownOrUnsure(err) {
				t.Errorf("write: %v", err)
			}
			w.end, w.unsure = time.Now(), err != nil
			logs[worker] = append(logs[worker], w)
			harness.Pause(rnd, 0, 2*time.Millisecond)()
		}, rnd)
		have := keys(t, c)
		for i, log := range logs {
			last := log[len(log)-1]
			switch {
			case last.unsure:
			case last.begun.After(end):
				require.Equal(t, last.value, have[key(i)], "begun after the restore was acknowledged")
			case last.end.Before(begun):
				require.Equal(t, "saved", have[key(i)], "acknowledged before the restore began")
			default:
				require.Contains(t, []string{last.value, "saved"}, have[key(i)])
			}
		}
	}
	c.Verify()
}

// knownOrUnsure reports whether a write ended as one may while nobody is harmed:
// a leader that a busy machine stops for long enough gives its leadership up, and
// cannot say what became of what was under way.
func knownOrUnsure(err error) bool { return err == nil || errors.Is(err, api.OutcomeUnknown) }

// restore restores an archive through one of the servers until that is confirmed.
func restore(t *testing.T, c *harness.Cluster, via int, archive []byte) {
	t.Helper()
	for {
		err := c.Client(via).Snapshots().Restore(c.Context(), bytes.NewReader(archive))
		if err == nil {
			return
		}
		require.ErrorIs(t, err, api.OutcomeUnknown)
	}
}

func save(t *testing.T, c *harness.Cluster) []byte {
	t.Helper()
	r, _, err := c.AnyClient().Snapshots().Save(c.Context(), nil)
	require.NoError(t, err)
	defer r.Close()
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	return b
}

// keys reads all keys from every server, which must agree.
func keys(t *testing.T, c *harness.Cluster) map[string]string {
	t.Helper()
	var first map[string]string
	for i := range c.Len() {
		pairs, _, err := c.Client(i).KV().List(c.Context(), "", &api.QueryOptions{Consistency: api.ReadConsistent})
		require.NoError(t, err)
		have := map[string]string{}
		for _, p := range pairs {
			have[p.Key] = string(p.Value)
		}
		if i == 0 {
			first = have
		}
		require.Equal(t, first, have, "server %d", i)
	}
	return first
}
