package raft

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPeersJSONRecovery(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	for i := range 50 {
		c.apply("a", fmt.Sprintf("k%d=v", i))
	}
	require.Equal(t, "v", c.read("b", "k49"))
	for _, id := range []string{"a", "b", "c"} {
		c.kill(id)
	}
	s := c.get("b")
	path := filepath.Join(s.cfg.Dir, "raft", "peers.json")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }
	for text, want := range map[string]string{
		`{`:            "not a list",
		`[]`:           "no voter",
		`[{"id":"b"}]`: "without id or address",
		`[{"id":"b","address":"x:1"},{"id":"b","address":"x:2"}]`: "there twice",
	} {
		write(text)
		_, err := c.start("b", nil)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "peers.json")
	}
	write(fmt.Sprintf(`[{"id":%q,"address":%q,"non_voter":false}]`, s.cfg.ID, s.addr))
	s = c.mustStart("b", nil)
	c.ready("b")
	require.Len(t, s.configuration(), 1)
	require.Equal(t, 50, s.fsm.size())
	c.apply("b", "after=v")
	require.NoFileExists(t, path)
	require.FileExists(t, path+".applied")

	// It goes on as any server does, over another restart.
	c.kill("b")
	c.mustStart("b", nil)
	c.ready("b")
	require.Equal(t, 51, c.get("b").fsm.size())

	// A fresh server joins it and gets everything.
	c.mustStart("d", func(cfg *Config) { quick(cfg); cfg.RetryJoin = []string{s.addr} })
	c.ready("d")
	require.Equal(t, 51, c.get("d").fsm.size())
}

func TestLaggingFollowerGetsSnapshot(t *testing.T) {
	t.Parallel()
	for _, logs := range []string{"boltdb", "wal"} {
		t.Run(logs, func(t *testing.T) {
			c := newCluster(t)
			short := func(cfg *Config) {
				quick(cfg)
				cfg.Autopilot.CleanupDeadServers = false
				cfg.LogStore = logs
				cfg.SnapshotThreshold, cfg.TrailingLogs, cfg.SnapshotInterval = 20, 5, 20*time.Millisecond
			}
			a := c.mustStart("a", func(cfg *Config) { cfg.BootstrapExpect = 1; short(cfg) })
			c.ready("a")
			for _, id := range []string{"b", "c"} {
				c.mustStart(id, func(cfg *Config) { short(cfg); cfg.RetryJoin = []string{a.addr} })
				c.voter(id)
			}
			lagging := c.followers()[0]
			c.kill(lagging)
			leader := c.leader()
			for i := range 200 {
				c.apply(leader.cfg.ID, fmt.Sprintf("k%d=v", i))
			}
			c.eventually(func() error {
				first, err := leader.storage.logs.FirstIndex()
				if first < 100 {
					return fmt.Errorf("log begins at %d %w", first, err)
				}
				return nil
			})
			c.mustStart(lagging, nil)
			c.ready(lagging)
			require.Equal(t, 200, c.get(lagging).fsm.size())
			require.Contains(t, c.get(lagging).fsm.log, "restore")
			c.apply(lagging, "k=after")

			// What it was given is durable, and no file is left.
			c.kill(lagging)
			c.mustStart(lagging, nil)
			c.ready(lagging)
			require.Equal(t, 201, c.get(lagging).fsm.size())
			files, err := filepath.Glob(filepath.Join(c.get(lagging).cfg.Dir, "raft", "*snap*"))
			require.NoError(t, err)
			require.Empty(t, files)
		})
	}
}

// A watcher on a follower learns of a commit without the library's pause, which
// is made so long here that nothing else can tell it.
func TestCommitIsPushed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.pause = time.Hour
	c.found("a", "b", "c")
	leader := c.leader()
	for i := range 20 {
		index := c.apply(leader.cfg.ID, fmt.Sprintf("k=%d", i))
		for _, id := range c.followers() {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			require.NoError(t, c.get(id).applied.Wait(ctx, index))
			cancel()
		}
	}
}
