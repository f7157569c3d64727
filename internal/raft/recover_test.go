package raft

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	hraft "github.com/hashicorp/raft"
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

// The survivors of a lost quorum may differ in what they had not agreed on yet:
// they agree on what the newer term has, though the other log is longer.
func TestPeersJSONWithDivergedLogs(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	ends := map[string]struct{ term, count uint64 }{"a": {5, 2}, "b": {4, 10}} // b was the leader before
	listeners := map[string]net.Listener{}
	var peers []map[string]string
	before := servers(c.id("lost"))
	for id := range ends {
		listeners[id] = listen(t)
		addr := listeners[id].Addr().String()
		peers = append(peers, map[string]string{"id": c.id(id), "address": addr})
		before.Servers = append(before.Servers, hraft.Server{ID: hraft.ServerID(c.id(id)), Address: hraft.ServerAddress(addr)})
	}
	text, err := json.Marshal(peers)
	require.NoError(t, err)
	for id, end := range ends {
		dir := filepath.Join(c.dir, c.id(id))
		require.NoError(t, os.MkdirAll(dir, 0o700))
		st, err := openStorage(&Config{Dir: dir}, nil)
		require.NoError(t, err)
		logs := []*hraft.Log{{Index: 1, Term: 1, Type: hraft.LogConfiguration, Data: hraft.EncodeConfiguration(before)}}
		for i := uint64(2); i <= 10+end.count; i++ {
			l := &hraft.Log{Index: i, Term: 2, Type: hraft.LogCommand, Data: seal(fmt.Appendf(nil, "k%d=common", i))}
			if i > 10 {
				l.Term, l.Data = end.term, seal(fmt.Appendf(nil, "k%d=%s", i, id))
			}
			logs = append(logs, l)
		}
		require.NoError(t, st.logs.StoreLogs(logs))
		require.NoError(t, st.stable.SetUint64([]byte("CurrentTerm"), 5))
		require.NoError(t, st.close())
		require.NoError(t, os.WriteFile(filepath.Join(dir, "raft", "peers.json"), text, 0o600))
	}
	for id := range ends {
		c.mustStart(id, func(cfg *Config) { cfg.Listener = listeners[id] })
	}
	c.ready("a")
	c.ready("b")
	c.apply("a", "after=v")
	for id := range ends {
		require.Equal(t, "v", c.read(id, "after"))
		require.Equal(t, "common", c.read(id, "k10"))
		require.Equal(t, "a", c.read(id, "k12"))
		require.Empty(t, c.read(id, "k20"))
	}
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
// is made so long here that nothing else can tell it. A leader that is short of
// processor time gives up telling of one commit, but not of the next.
func TestCommitIsPushed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.pause = time.Hour
	c.found("a", "b", "c")
	leader := c.leader()
	for i := range 20 {
		c.eventually(func() error {
			index := c.apply(leader.cfg.ID, fmt.Sprintf("k=%d", i))
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			for _, id := range c.followers() {
				if err := c.get(id).applied.Wait(ctx, index); err != nil {
					return fmt.Errorf("%s has not learnt of index %d: %w", id, index, err)
				}
			}
			return nil
		})
	}
}
