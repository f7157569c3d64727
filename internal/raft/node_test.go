package raft

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestSingleServer(t *testing.T) {
	c := newCluster(t)
	c.found("a")
	s := c.get("a")
	result, index, err := s.Apply(t.Context(), []byte("k=v1"))
	require.NoError(t, err)
	require.Equal(t, "was ", string(result))
	result, next, err := s.Apply(t.Context(), []byte("k=v2"))
	require.NoError(t, err)
	require.Equal(t, "was v1", string(result))
	require.Equal(t, index+1, next)
	require.Equal(t, "v2", c.read("a", "k"))
	require.True(t, s.KnownLeader())
	require.Zero(t, s.LastContact())

	_, _, err = s.Apply(t.Context(), nil)
	require.ErrorIs(t, err, api.Invalid)
	_, _, err = s.Apply(t.Context(), make([]byte, maxCommand+1))
	require.ErrorIs(t, err, api.TooLarge)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err = s.Apply(cancelled, []byte("k=v3"))
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, "v2", c.read("a", "k"))
}

func TestRestartReplaysLog(t *testing.T) {
	for _, logs := range []string{"boltdb", "wal"} {
		t.Run(logs, func(t *testing.T) {
			c := newCluster(t)
			c.mustStart("a", func(cfg *Config) { cfg.BootstrapExpect, cfg.LogStore = 1, logs })
			for round := range 3 {
				for i := range 20 {
					c.apply("a", fmt.Sprintf("k%d-%d=v", round, i))
				}
				if round == 1 {
					_, err := c.get("a").fsm.Checkpoint(0)
					require.NoError(t, err)
				}
				c.kill("a")
				c.mustStart("a", nil)
				c.ready("a")
				require.Equal(t, 20*(round+1), c.get("a").fsm.size())
			}
			// What the checkpoint held was not applied again.
			require.Len(t, c.get("a").fsm.log, 20)
		})
	}
}

func TestConcurrentApply(t *testing.T) {
	c := newCluster(t)
	c.found("a")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			_, _, err := c.get("a").Apply(t.Context(), fmt.Appendf(nil, "k%d=v", i))
			require.NoError(t, err)
			require.NoError(t, c.get("a").ReadIndex(t.Context(), Consistency(i%2)))
		})
	}
	wg.Wait()
	require.Equal(t, 200, c.get("a").fsm.size())
}

func TestCloseTwice(t *testing.T) {
	c := newCluster(t)
	c.found("a")
	require.NoError(t, c.get("a").Close())
	require.NoError(t, c.get("a").Close())
	_, _, err := c.get("a").Apply(t.Context(), []byte("k=v"))
	require.Error(t, err)
	require.Error(t, c.get("a").ReadIndex(t.Context(), Default))
}

func TestOpenRefuses(t *testing.T) {
	c := newCluster(t)
	c.found("a")
	s := c.get("a")
	c.apply("a", "k=precious")
	other := func(change func(*Config)) error {
		cfg := s.cfg
		cfg.Listener = listen(t)
		change(&cfg)
		_, err := Open(cfg, s.fsm)
		return err
	}
	require.ErrorContains(t, other(func(*Config) {}), "in use by another process")
	require.NoError(t, s.Close())
	require.ErrorContains(t, other(func(cfg *Config) { cfg.ID = "b" }), "belongs to the server with ID "+c.id("a"))
	require.ErrorContains(t, other(func(cfg *Config) { cfg.Datacenter = "dc2" }), `belongs to datacenter "TestOpenRefuses"`)
	require.ErrorContains(t, other(func(cfg *Config) { cfg.LogStore = "wal" }), `log store "boltdb"`)
	require.ErrorContains(t, other(func(cfg *Config) { cfg.LogStore = "tape" }), "unknown log store")

	empty, err := openMapFSM(t.TempDir())
	require.NoError(t, err)
	_, err = s.fsm.Checkpoint(0)
	require.NoError(t, err)
	db := filepath.Join(s.cfg.Dir, "raft", "raft.db")
	require.NoError(t, os.Rename(db, db+".away"))
	require.ErrorContains(t, other(func(*Config) {}), "its raft log ends at 0")
	require.NoError(t, os.Rename(db+".away", db))

	s.fsm = empty
	whole, err := os.ReadFile(db)
	require.NoError(t, err)
	for name, broken := range map[string][]byte{
		"no database": []byte("no database"),
		"empty page":  make([]byte, 4096),
		"cut short":   whole[:10000],
		"lost pages":  append(bytes.Clone(whole[:8192]), make([]byte, len(whole)-8192)...),
		"flipped bit": bytes.ReplaceAll(whole, []byte("k=precious"), []byte("k=vicious.")),
	} {
		require.NotEqual(t, whole, broken)
		require.NoError(t, os.WriteFile(db, broken, 0o600))
		err := other(func(*Config) {})
		require.ErrorContains(t, err, "is damaged", name)
		require.ErrorContains(t, err, s.cfg.Dir, name)
		require.NotContains(t, err.Error(), "\n", name)
	}
}
