package process_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// soonVoter makes a server that is new to the cluster a voter after a moment;
// Consul's default, and ours, is ten seconds.
const soonVoter = `-hcl=autopilot { server_stabilization_time = "200ms" }`

// fill writes n instances to a fresh ledger.
func fill(t *testing.T, p *harness.Processes, n int) *harness.Ledger {
	t.Helper()
	l := harness.NewLedger("web")
	add(t, p, l, "first", n)
	return l
}

func add(t *testing.T, p *harness.Processes, l *harness.Ledger, name string, n int) {
	t.Helper()
	client := p.AnyClient()
	for i := range n {
		require.NoError(t, l.Write(p.Context(), client, fmt.Sprintf("%s-%d", name, i), i+1))
	}
}

// All servers are restarted one after the other, as for a new version, while a
// client goes on: no write is lost and none is refused for good.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	p := harness.NewProcesses(t, binary(), 3)
	l := fill(t, p, 20)
	client := p.AnyClient()
	n := 0
	harness.During(func() {
		for i := range p.Len() {
			p.Server(i).Signal(syscall.SIGTERM)
			require.Zero(t, p.Server(i).Wait(stopLimit))
			p.Start(i)
			p.WaitHealthy()
		}
	}, 1, func(int, *rand.Rand) {
		n++
		err := l.Write(p.Context(), client, fmt.Sprintf("during-%d", n), 1)
		require.True(t, err == nil || errors.Is(err, api.OutcomeUnknown), "%v", err)
	}, rnd)
	t.Logf("%d writes meanwhile", n)
	verify(t, p, l)
}

// All servers stop and start again: the cluster is back without anybody's help,
// and reads that succeed miss nothing.
func TestFullRestart(t *testing.T) {
	t.Parallel()
	p := harness.NewProcesses(t, binary(), 3)
	l := fill(t, p, 50)
	for _, how := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for i := range p.Len() {
			p.Server(i).Signal(how)
		}
		for i := range p.Len() {
			p.Server(i).Wait(stopLimit)
			p.Launch(i)
		}
		harness.Await(t, "the first answer", func() error {
			list, _, err := p.AnyClient().Catalog().Service(t.Context(), "web", nil)
			if err == nil {
				require.Len(t, list, 50, "an answer without all the data")
			}
			return err
		})
		verify(t, p, l)
	}
}

// A server that lost its disk comes back under its name and gets everything.
func TestWipedServerRejoins(t *testing.T) {
	t.Parallel()
	p := harness.NewProcesses(t, binary(), 3, soonVoter)
	l := fill(t, p, 50)
	for _, victim := range []int{p.WaitLeader(), (p.WaitLeader() + 1) % 3} {
		p.Server(victim).Kill()
		require.NoError(t, os.RemoveAll(p.Server(victim).Dir))
		add(t, p, l, fmt.Sprint(victim), 10)
		p.Start(victim)
		p.WaitHealthy()
		raft, err := p.Client(victim).Operator().RaftConfiguration(p.Context(), nil)
		require.NoError(t, err)
		require.Len(t, raft.Servers, 3, "the one it was is gone")
		verify(t, p, l)
	}
}

// A follower that was away until the log no longer has what it missed gets a
// snapshot.
func TestFarBehindFollowerCatchesUp(t *testing.T) {
	t.Parallel()
	p := harness.NewProcesses(t, binary(), 3, smallLog, "-log-level=debug")
	l := fill(t, p, 10)
	behind := (p.WaitLeader() + 1) % 3
	p.Server(behind).Kill()
	add(t, p, l, "missed", 300)
	p.Start(behind)
	p.WaitHealthy()
	harness.Await(t, "the snapshot to be logged", func() error {
		if !strings.Contains(strings.ToLower(p.Server(behind).Log()), "installed remote snapshot") {
			return errors.New("it is not in the log: the server was not that far behind")
		}
		return nil
	})
	verify(t, p, l)
	// What it was given is on its disk.
	p.Server(behind).Kill()
	p.Start(behind)
	verify(t, p, l)
}

// A server comes back at another address and other ports.
func TestChangedAddress(t *testing.T) {
	t.Parallel()
	p := harness.NewProcesses(t, binary(), 3)
	l := fill(t, p, 10)
	for _, mover := range []int{p.WaitLeader(), (p.WaitLeader() + 1) % 3} {
		p.Server(mover).Kill()
		old := p.Server(mover).RaftAddr()
		p.Server(mover).Move()
		add(t, p, l, fmt.Sprint(mover), 10)
		p.Start(mover)
		p.WaitHealthy() // at the new address, in raft's configuration and in the catalog
		peers, err := p.Client(mover).Status().Peers(p.Context())
		require.NoError(t, err)
		require.Len(t, peers, 3)
		require.NotContains(t, peers, old)
		verify(t, p, l)
	}
}

// The leadership goes where it is sent, and nothing is lost or refused for good
// meanwhile.
func TestLeadershipTransfer(t *testing.T) {
	t.Parallel()
	rnd := harness.Random(t)
	p := harness.NewProcesses(t, binary(), 3)
	l := fill(t, p, 10)
	client := p.AnyClient()
	n := 0
	harness.During(func() {
		for range 3 {
			old := p.WaitLeader()
			next := (old + 1) % 3
			raft, err := p.Client(next).Operator().RaftConfiguration(p.Context(), nil)
			require.NoError(t, err)
			for _, s := range raft.Servers {
				if s.Address == p.Server(next).RaftAddr() {
					require.NoError(t, p.Client(old).Operator().TransferLeader(p.Context(), s.ID))
				}
			}
			harness.Await(t, "the new leader", func() error {
				if i := p.Leader(); i != next {
					return fmt.Errorf("%d leads", i)
				}
				return nil
			})
		}
	}, 1, func(int, *rand.Rand) {
		n++
		err := l.Write(p.Context(), client, fmt.Sprintf("during-%d", n), 1)
		require.True(t, err == nil || errors.Is(err, api.OutcomeUnknown), "%v", err)
	}, rnd)
	verify(t, p, l)
}

// Two of three servers are lost for ever. The third is told that it is alone by
// a peers.json, has everything that was acknowledged, and two new servers join.
func TestPeersJSONRecovery(t *testing.T) {
	t.Parallel()
	p := harness.NewProcesses(t, binary(), 3, soonVoter)
	l := fill(t, p, 50)
	survivor := p.Server(2)
	for i := range p.Len() {
		p.Server(i).Kill()
	}
	id, err := os.ReadFile(filepath.Join(survivor.Dir, "node-id"))
	require.NoError(t, err)
	peers, err := json.Marshal([]map[string]any{{"id": strings.TrimSpace(string(id)), "address": survivor.RaftAddr(), "non_voter": false}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(survivor.Dir, "raft", "peers.json"), peers, 0o600))
	p.Start(2)
	harness.Await(t, "the survivor to lead", func() error {
		if p.Leader() != 2 {
			return errors.New("it does not")
		}
		return nil
	})
	require.NoError(t, l.Write(p.Context(), p.Client(2), "alone", 1))
	for i := range 2 {
		require.NoError(t, os.RemoveAll(p.Server(i).Dir))
		p.Start(i)
	}
	verify(t, p, l)
}

// A failure is marked in the catalog within two seconds, and lifted when the
// server is back. A busy machine gets twice that here; what it took is printed.
func TestKilledServerIsMarked(t *testing.T) {
	t.Parallel()
	p := harness.NewProcesses(t, binary(), 3)
	for _, leader := range []bool{false, true} {
		victim := p.WaitLeader()
		if !leader {
			victim = (victim + 1) % 3
		}
		witness := p.Client((victim + 1) % 3)
		begun := time.Now()
		p.Server(victim).Kill()
		harness.AwaitWithin(t, 4*time.Second, "the mark", func() error { return status(t, witness, p.Server(victim).Name, api.Critical) })
		t.Logf("leader %t: marked after %v", leader, time.Since(begun).Round(time.Millisecond))
		begun = time.Now()
		p.Start(victim)
		harness.AwaitWithin(t, 4*time.Second, "the mark to be lifted", func() error { return status(t, witness, p.Server(victim).Name, api.Passing) })
		t.Logf("lifted after %v", time.Since(begun).Round(time.Millisecond))
		p.WaitHealthy()
	}
}

func status(t *testing.T, witness *api.Client, node, want string) error {
	checks, _, err := witness.Health().Node(t.Context(), node, nil)
	if err != nil {
		return err
	}
	for _, c := range checks {
		if c.CheckID == api.SerfHealth && c.Status == want {
			return nil
		}
	}
	return fmt.Errorf("%s is not %s", node, want)
}
