package raft

import (
	"encoding/json"
	"testing"

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
