package raft

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	hraft "github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// quick makes new servers voters as soon as they are healthy.
func quick(cfg *Config) {
	cfg.Autopilot = DefaultAutopilotConfig()
	cfg.Autopilot.ServerStabilizationTime = 200 * time.Millisecond
}

func (c *cluster) foundQuick(ids ...string) {
	c.t.Helper()
	first := c.mustStart(ids[0], func(cfg *Config) { cfg.BootstrapExpect = 1; quick(cfg) })
	c.ready(ids[0])
	for _, id := range ids[1:] {
		c.mustStart(id, func(cfg *Config) { cfg.RetryJoin = []string{first.addr}; quick(cfg) })
	}
	for _, id := range ids[1:] {
		c.voter(id)
		c.ready(id)
	}
}

// voter waits until the server has a vote that counts.
func (c *cluster) voter(id string) {
	c.t.Helper()
	c.eventually(func() error {
		s, ok := c.leader().find(c.id(id))
		if !ok || s.Suffrage != 0 {
			return fmt.Errorf("%s is no voter", id)
		}
		if c.get(id).guard.Note().Abstain {
			return fmt.Errorf("%s abstains", id)
		}
		return nil
	})
}

func (c *cluster) members(want int) {
	c.t.Helper()
	c.eventually(func() error {
		for id, s := range c.all() {
			if got := len(s.configuration()); got != want {
				return fmt.Errorf("%s has %d members", id, got)
			}
		}
		return nil
	})
}

func TestJoinAndPromote(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.foundQuick("a", "b", "c")
	c.apply("c", "k=v")
	require.Equal(t, "v", c.read("b", "k"))

	c.mustStart("d", func(cfg *Config) { cfg.NonVoter = true; cfg.Join = []string{c.get("b").addr} })
	c.ready("d")
	c.eventually(func() error {
		s, err := c.get("d").AutopilotState(t.Context())
		if err != nil || len(s.Servers) != 4 || !s.Healthy {
			return fmt.Errorf("%+v %w", s, err)
		}
		require.Equal(t, "non-voter", s.Servers[c.id("d")].Status)
		require.Len(t, s.Voters, 3)
		require.Equal(t, 1, s.FailureTolerance)
		return nil
	})
	h, err := c.get("a").AutopilotHealth(t.Context())
	require.NoError(t, err)
	require.Len(t, h.Servers, 4)
	require.Equal(t, "node-a", h.Servers[0].Name)
	require.True(t, h.Servers[0].Healthy)
	require.Equal(t, "alive", h.Servers[0].SerfStatus)
}

// One more server than expected found a cluster of the expected number, and
// the last one joins it.
func TestMoreServersThanExpected(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	var addrs []string
	listeners := map[string]net.Listener{}
	for _, id := range []string{"a", "b", "c", "d"} {
		listeners[id] = listen(t)
		addrs = append(addrs, listeners[id].Addr().String())
	}
	for _, id := range []string{"d", "c", "b", "a"} {
		c.mustStart(id, func(cfg *Config) {
			cfg.Listener, cfg.BootstrapExpect, cfg.RetryJoin = listeners[id], 3, addrs
			quick(cfg)
		})
	}
	c.members(4)
	for id := range listeners {
		c.ready(id)
	}
	c.apply("a", "k=v")
	for id := range listeners {
		require.Equal(t, "v", c.read(id, "k"))
	}
}

// All servers name only the first one, as a chain of hearsay.
func TestFoundThroughOneAddress(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	first := c.mustStart("c", func(cfg *Config) { cfg.BootstrapExpect = 3 })
	for _, id := range []string{"a", "b"} {
		c.mustStart(id, func(cfg *Config) { cfg.BootstrapExpect, cfg.RetryJoin = 3, []string{first.addr} })
	}
	for _, id := range []string{"a", "b", "c"} {
		c.ready(id)
	}
}

func TestJoinRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.foundQuick("a", "b")
	join := func(id string, change func(*Config)) error {
		s := c.mustStart(id, change)
		defer s.Close()
		body, err := json.Marshal(s.introduce())
		require.NoError(t, err)
		c.eventually(func() error {
			_, err = s.client.Call(t.Context(), c.leader().addr, callJoin, body)
			if refusedBefore(err) {
				return err // a new leader
			}
			return nil
		})
		return err
	}
	err := join("x", func(cfg *Config) { cfg.Datacenter = "dc2" })
	require.ErrorIs(t, err, api.Refused)
	require.ErrorContains(t, err, `is of datacenter "dc2", this is "TestJoinRefused"`)

	err = join("y", func(cfg *Config) { cfg.Name = "node-b" })
	require.ErrorIs(t, err, api.Refused)
	require.ErrorContains(t, err, `name "node-b" is that of the living server with ID `+c.id("b"))
	c.get("x").Close()

	n, err := c.get("a").JoinCluster(t.Context(), []string{"127.0.0.1:1"})
	require.Error(t, err)
	require.Zero(t, n)
}

func TestJoinCommand(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.foundQuick("a")
	lone := c.mustStart("b", quick)
	// Either side can be told.
	n, err := c.get("a").JoinCluster(t.Context(), []string{lone.addr})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	c.ready("b")
	lone = c.mustStart("c", quick)
	_, err = lone.JoinCluster(t.Context(), []string{c.get("b").addr})
	require.NoError(t, err)
	c.ready("c")

	// Two clusters do not merge.
	other := newCluster(t)
	other.net = c.net
	other.foundQuick("z")
	_, err = other.get("z").JoinCluster(t.Context(), []string{c.get("a").addr})
	require.ErrorIs(t, err, api.Refused)
}

func TestRetryMax(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.mustStart("a", func(cfg *Config) {
		cfg.RetryJoin, cfg.RetryMax, cfg.RetryInterval = []string{"127.0.0.1:1"}, 2, 100*time.Millisecond
	})
	err := <-s.Failed()
	require.ErrorContains(t, err, "no server could be joined in 2 attempts: ")
	require.ErrorContains(t, err, "127.0.0.1:1")
}

// The limit is for a server that finds nobody or is not taken in: one that
// others have answered waits with them for the rest.
func TestRetryMaxIsForTheSearch(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	limited := func(addrs ...string) func(*Config) {
		return func(cfg *Config) {
			cfg.BootstrapExpect, cfg.RetryJoin = 3, addrs
			cfg.RetryMax, cfg.RetryInterval = 1, 10*time.Millisecond
		}
	}
	first := c.mustStart("a", limited())
	second := c.mustStart("b", limited(first.addr, "127.0.0.1:1"))
	own := listen(t)
	third := c.mustStart("d", func(cfg *Config) {
		limited(own.Addr().String())(cfg)
		cfg.Listener = own
	})
	late := time.After(500 * time.Millisecond)
	for waiting := true; waiting; {
		select {
		case err := <-first.Failed():
			require.NoError(t, err, "it was given nobody to join")
		case err := <-second.Failed():
			require.NoError(t, err, "the first has answered")
		case err := <-third.Failed():
			require.NoError(t, err, "as in Consul it has joined itself")
		case <-late:
			waiting = false
		}
	}
	c.mustStart("c", limited(first.addr))
	for _, id := range []string{"a", "b", "c"} {
		c.ready(id)
	}

	refused := c.mustStart("x", func(cfg *Config) {
		limited(first.addr)(cfg)
		cfg.BootstrapExpect, cfg.Name = 0, "node-b"
	})
	require.ErrorContains(t, <-refused.Failed(), `name "node-b" is that of the living server`)
}

// said counts how often one message is a warning, with what it says of whom, and
// how often less since the first of them.
type said struct {
	slog.Handler
	msg string

	mu     sync.Mutex
	warned map[string]int
	quiet  int
	first  time.Time
}

func (s *said) Enabled(context.Context, slog.Level) bool { return true }

func (s *said) Handle(_ context.Context, r slog.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Message != s.msg {
		return nil
	}
	if r.Level != slog.LevelWarn {
		s.quiet += min(len(s.warned), 1)
		return nil
	}
	if len(s.warned) == 0 {
		s.first = r.Time
	}
	var about strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		about.WriteString(a.String())
		return true
	})
	s.warned[about.String()]++
	return nil
}

// A server that is refused asks again ever more rarely, and says it once.
func TestRefusedJoinIsQuiet(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.foundQuick("a", "b")
	log := &said{Handler: slog.DiscardHandler, msg: "cannot join", warned: map[string]int{}}
	c.mustStart("x", func(cfg *Config) {
		cfg.Name, cfg.Logger = "node-b", slog.New(log)
		cfg.RetryJoin = []string{c.get("a").addr, c.get("b").addr}
	})
	const refusals = 8
	c.eventually(func() error {
		log.mu.Lock()
		defer log.mu.Unlock()
		if log.quiet < refusals {
			return fmt.Errorf("refused %d times more after the first", log.quiet)
		}
		return nil
	})
	log.mu.Lock()
	defer log.mu.Unlock()
	for about, times := range log.warned {
		require.Equal(t, 1, times, about)
	}
	require.Greater(t, time.Since(log.first), time.Second, "not 200 ms apart at least")
}

// An introduction that says nothing new wakes nobody.
func TestRosterKnowsNews(t *testing.T) {
	var r roster
	i := introduction{ID: "a", Address: "h:1", Peers: []string{"x", "y"}, Meta: map[string]string{"k": "v"}}
	require.True(t, r.note(i, false))
	require.False(t, r.note(i, true))
	i.Peers = []string{"y", "x"}
	require.False(t, r.note(i, false), "the order of peers")
	i.Leader = "b"
	require.True(t, r.note(i, false))
	i.Peers = []string{"y", "x", "z"}
	require.True(t, r.note(i, false))
}

func TestLeave(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.foundQuick("a", "b", "c")
	leaver := c.leader()
	require.NoError(t, leaver.Leave(t.Context()))
	require.NoError(t, leaver.Close())
	id := leaver.cfg.ID
	c.mu.Lock()
	delete(c.servers, id)
	c.mu.Unlock()
	c.members(2)
	next := c.leader()
	c.apply(next.cfg.ID, "k=v")

	// It stays away when it is started without an address to join.
	c.mu.Lock()
	c.servers[id] = leaver
	c.mu.Unlock()
	c.mustStart(id, func(cfg *Config) { cfg.RetryJoin, cfg.BootstrapExpect = nil, 0 })
	_, err := c.get(id).JoinCluster(t.Context(), []string{next.addr})
	require.NoError(t, err)
	c.members(3)
	require.Equal(t, "v", c.read(id, "k"))
}

func TestRemoveServer(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.foundQuick("a", "b", "c")
	victim := c.followers()[0]
	require.ErrorIs(t, c.get(victim).RemoveServer(t.Context(), "nobody"), api.NotFound)
	require.ErrorIs(t, c.get(victim).RemoveAddress(t.Context(), "1.2.3.4:5"), api.NotFound)
	require.NoError(t, c.get(victim).RemoveAddress(t.Context(), c.get(victim).addr))
	leader := c.leader(c.others([]string{"a", "b", "c"}, victim)...)
	c.eventually(func() error {
		if n := len(leader.configuration()); n != 2 {
			return fmt.Errorf("%d members", n)
		}
		return nil
	})
	// It does not come back by itself, nor disturb.
	term := leader.raft.CurrentTerm()
	require.True(t, c.get(victim).joiner.rests())
	c.apply(leader.cfg.ID, "k=v")
	require.Equal(t, term, leader.raft.CurrentTerm())

}

// Removing a living voter while another is dead would lose the quorum.
func TestRemoveKeepsQuorum(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b", "c")
	leader, others := c.leader(), c.followers()
	c.kill(others[0])
	c.eventually(func() error {
		if leader.liveness.aliveNow(others[0]) {
			return errors.New("still alive")
		}
		return nil
	})
	err := leader.RemoveServer(t.Context(), others[1])
	require.ErrorIs(t, err, api.Refused)
	require.ErrorContains(t, err, "only 1 of 2 voters are alive")
	require.NoError(t, leader.RemoveServer(t.Context(), others[0]))
	c.apply(others[1], "k=v")
}

func TestDeadServerIsRemoved(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.cleanup = time.Second
	c.foundQuick("a", "b", "c")
	victim := c.followers()[0]
	c.kill(victim)
	s := c.leader()
	c.eventually(func() error {
		if n := len(s.configuration()); n != 2 {
			return fmt.Errorf("%d members", n)
		}
		return nil
	})
	c.apply(s.cfg.ID, "k=v")
	// It is a member again when it returns.
	c.mustStart(victim, nil)
	c.voter(victim)
	require.Equal(t, "v", c.read(victim, "k"))
}

// A server that lost its data comes back, with its old ID or a new one, and has
// everything.
func TestWipedServerRejoins(t *testing.T) {
	t.Parallel()
	for _, newID := range []string{"", "w"} {
		t.Run("id="+newID, func(t *testing.T) {
			c := newCluster(t)
			c.foundQuick("a", "b", "c")
			c.apply("a", "k=v")
			victim := c.followers()[0]
			c.kill(victim)
			old := c.get(victim)
			require.NoError(t, os.RemoveAll(old.cfg.Dir))
			id := victim
			if newID != "" {
				id = newID
				c.mu.Lock()
				delete(c.servers, c.id(victim))
				c.mu.Unlock()
			}
			leader := c.leader()
			var abstained bool
			c.mustStart(id, func(cfg *Config) {
				quick(cfg)
				cfg.Name, cfg.BootstrapExpect, cfg.RetryJoin = old.cfg.Name, 0, []string{leader.addr}
			})
			abstained = c.get(id).guard.Note().Abstain
			require.True(t, abstained || c.get(id).founded())
			c.voter(id)
			require.Equal(t, "v", c.read(id, "k"))
			c.members(3)
		})
	}
}

func TestChangedAddress(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.foundQuick("a", "b", "c")
	c.apply("a", "k=v")
	victim := c.followers()[0]
	c.kill(victim)
	moved := c.mustStart(victim, func(cfg *Config) { cfg.Listener = listen(t) })
	c.eventually(func() error {
		for _, s := range c.all() {
			if f, _ := s.find(victim); string(f.Address) != moved.addr {
				return fmt.Errorf("%s has %s", s.cfg.ID, f.Address)
			}
		}
		return nil
	})
	c.apply(victim, "k=w")
	require.Equal(t, "w", c.read(victim, "k"))
	f, _ := c.leader().find(victim)
	require.Zero(t, f.Suffrage, "still a voter")
}

// The addresses of all servers change while none runs.
func TestAllAddressesChange(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.foundQuick("a", "b", "c")
	c.apply("a", "k=v")
	ids := []string{"a", "b", "c"}
	for _, id := range ids {
		c.kill(id)
	}
	var addrs []string
	listeners := map[string]net.Listener{}
	for _, id := range ids {
		listeners[id] = listen(t)
		addrs = append(addrs, listeners[id].Addr().String())
	}
	for _, id := range ids {
		c.mustStart(id, func(cfg *Config) { cfg.Listener, cfg.RetryJoin = listeners[id], addrs })
	}
	for i, id := range ids {
		c.ready(id)
		require.Equal(t, "v", c.read(id, "k"))
		c.eventually(func() error {
			if f, _ := c.leader().find(c.id(id)); string(f.Address) != addrs[i] {
				return fmt.Errorf("%s is at %s", id, f.Address)
			}
			return nil
		})
	}
}

// What a follower answers to entries does not count when the library sent them to
// an address that is no longer the follower's.
func TestAnswerFromFormerAddress(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.found("a", "b")
	entries := []*hraft.Log{{Index: 1, Term: 1}}
	for name, tc := range map[string]struct {
		entries []*hraft.Log
		former  bool
		want    error
	}{
		"entries":                         {entries: entries},
		"entries to its former address":   {entries: entries, former: true, want: errMoved},
		"heartbeat to its former address": {former: true},
	} {
		c.eventually(func() error { // the follower has to be known by where it is
			leader := c.leader()
			follower := c.get(c.followers()[0])
			addr := hraft.ServerAddress(follower.addr)
			if tc.former {
				addr = "127.0.0.1:1"
			}
			// Of an earlier term: it is answered, and changes nothing.
			req := &hraft.AppendEntriesRequest{RPCHeader: leader.rpcHeader(), PrevLogEntry: 1, Entries: tc.entries}
			err := leader.trans.AppendEntries(hraft.ServerID(follower.cfg.ID), addr, req, &hraft.AppendEntriesResponse{})
			if !errors.Is(err, tc.want) {
				return fmt.Errorf("%s: %w, want %v", name, err, tc.want)
			}
			return nil
		})
	}
}
