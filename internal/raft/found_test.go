package raft

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"

	hraft "github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// promise asks the server for its promise as another founder would.
func promise(t *testing.T, s *testServer, p proposal, unanimous bool) error {
	body, err := json.Marshal(promiseRequest{Proposal: p, Unanimous: unanimous})
	require.NoError(t, err)
	_, err = s.server.Call(t.Context(), callPromise, body)
	return err
}

func proposed3(id, proposer string, s *testServer) proposal {
	return proposal{ID: id, Proposer: proposer, Servers: []founder{
		{"0", "127.0.0.1:1"}, {"1", "127.0.0.1:2"}, {s.cfg.ID, s.addr},
	}}
}

// A server is bound by its first promise, over restarts, until that is dead;
// what it has refused it refuses for ever.
func TestPromises(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.mustStart("s", func(cfg *Config) { cfg.BootstrapExpect = 3 })
	first, second := proposed3("first", "0", s), proposed3("second", "1", s)
	require.NoError(t, promise(t, s, first, false))
	require.NoError(t, promise(t, s, first, false))
	require.ErrorIs(t, promise(t, s, second, false), api.Refused)

	c.kill("s")
	s = c.mustStart("s", nil)
	require.NoError(t, promise(t, s, first, false))
	require.ErrorIs(t, promise(t, s, second, false), api.Refused)
	s.founding.drop(&second) // not the one promised
	require.NoError(t, promise(t, s, first, false))
	s.founding.drop(&first)
	require.ErrorIs(t, promise(t, s, first, false), api.Refused)
	require.ErrorIs(t, promise(t, s, second, false), api.Refused)

	// No vote without a cluster.
	require.False(t, s.guard.mayVote(100))
	require.False(t, s.founded())

	third := proposed3("third", "0", s)
	require.NoError(t, promise(t, s, third, true))
	require.True(t, s.founded())
	require.True(t, s.guard.mayVote(100))
	require.ErrorIs(t, promise(t, s, proposed3("fourth", "0", s), false), api.Refused)

	wrong := proposed3("small", "0", s)
	wrong.Servers = wrong.Servers[1:]
	require.ErrorIs(t, promise(t, s, wrong, false), api.Refused)
}

// The others finish what a proposer began that is gone for good.
func TestProposerIsLost(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	b := c.mustStart("b", func(cfg *Config) { cfg.BootstrapExpect = 3 })
	d := c.mustStart("d", func(cfg *Config) { cfg.BootstrapExpect, cfg.RetryJoin = 3, []string{b.addr} })
	p := proposal{ID: "p", Proposer: "a", Servers: []founder{{"a", "127.0.0.1:1"}, {b.cfg.ID, b.addr}, {d.cfg.ID, d.addr}}}
	require.NoError(t, promise(t, d, p, false))
	c.ready("b")
	c.ready("d")
	require.Len(t, b.configuration(), 3)
}

// half leaves behind what a kill does between the two things a founding writes:
// the term, and the first entry of the log.
func half(t *testing.T, s *stable) {
	require.NoError(t, s.SetUint64([]byte(keyCurrentTerm), 1))
}

// A single server whose founding was cut off founds at the next start.
func TestFoundingAloneWasCutOff(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.mustStart("a", nil)
	c.kill("a")
	storage, err := openStorage(&s.cfg, newLogBridge(slog.New(slog.DiscardHandler)))
	require.NoError(t, err)
	half(t, storage.stable)
	require.NoError(t, storage.close())
	c.mustStart("a", func(cfg *Config) { cfg.BootstrapExpect = 1 })
	c.ready("a")
	c.apply("a", "k=v")
}

// Founders of which each was cut off, or whose disk was full for a moment, found
// the cluster that they have promised.
func TestFoundingWasCutOff(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	ids := []string{"a", "b", "d"}
	p := proposal{ID: "p", Proposer: c.id("a")}
	for _, id := range ids {
		s := c.mustStart(id, func(cfg *Config) { cfg.BootstrapExpect = 3 })
		p.Servers = append(p.Servers, founder{s.cfg.ID, s.addr})
	}
	for _, id := range ids {
		s := c.get(id)
		require.NoError(t, s.guard.update(func(n *electorNote) { n.Promise, n.Abstain = &p, false }))
		half(t, s.storage.stable)
		if id == "d" {
			require.NoError(t, promise(t, s, p, true), "the disk has room again")
			require.True(t, s.founded())
			continue
		}
		c.kill(id)
		s = c.mustStart(id, nil)
		require.False(t, s.guard.mayVote(100), "it has no cluster yet")
	}
	for _, id := range ids {
		c.ready(id)
		require.Len(t, c.get(id).configuration(), 3)
	}
}

// A term of 1 counts as soon as there is a log, any other always.
func TestTermOfAFounding(t *testing.T) {
	logs := hraft.NewInmemStore()
	bolt, err := raftboltdb.NewBoltStore(filepath.Join(t.TempDir(), "raft.db"))
	require.NoError(t, err)
	defer bolt.Close()
	v, err := openVoteStore(&stable{bolt}, logs)
	require.NoError(t, err)
	term := func(stored uint64) uint64 {
		require.NoError(t, v.SetUint64([]byte(keyCurrentTerm), stored))
		term, err := v.GetUint64([]byte(keyCurrentTerm))
		require.NoError(t, err)
		return term
	}
	require.Zero(t, term(1))
	require.EqualValues(t, 2, term(2))
	require.NoError(t, logs.StoreLog(&hraft.Log{Index: 1, Term: 1}))
	require.EqualValues(t, 1, term(1))
}
