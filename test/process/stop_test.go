package process_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// stopLimit is "within seconds", for a machine that is busy.
const stopLimit = 8 * time.Second

// Both signals end a server with code 0, though clients wait in long polls; it
// starts again with all it had.
func TestSignalsStop(t *testing.T) {
	t.Parallel()
	p := harness.NewProcesses(t, binary(), 1)
	l := harness.NewLedger("web")
	for n, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		require.NoError(t, l.Write(p.Context(), p.Client(0), sig.String(), n+1))
		polled := make(chan error, 1)
		_, meta, err := p.Client(0).Catalog().Service(p.Context(), "web", nil)
		require.NoError(t, err)
		go func() {
			_, _, err := p.Client(0).Catalog().Service(p.Context(), "web", &api.QueryOptions{Index: meta.Index, Wait: time.Minute})
			polled <- err
		}()
		begun := time.Now()
		p.Server(0).Signal(sig)
		require.Zero(t, p.Server(0).Wait(stopLimit), sig)
		t.Logf("%v: stopped after %v", sig, time.Since(begun).Round(time.Millisecond))
		<-polled // with whatever: it does not hang
		p.Start(0)
		p.WaitHealthy()
		verifyLedger(t, p, l)
	}
}

// A majority that has gone does not keep the last server from stopping.
func TestSignalsStopWithoutQuorum(t *testing.T) {
	t.Parallel()
	p := harness.NewProcesses(t, binary(), 3)
	p.Server(0).Kill()
	p.Server(1).Kill()
	p.Server(2).Signal(syscall.SIGTERM)
	require.Zero(t, p.Server(2).Wait(stopLimit))
}

// A server that is told to leave with leave_on_terminate hands its leadership
// over and goes: the others do not miss it, in raft or in the catalog.
func TestLeaveOnTerminate(t *testing.T) {
	t.Parallel()
	p := harness.NewProcesses(t, binary(), 3, "-leave-on-terminate")
	l := fill(t, p, 10)
	leaver := p.WaitLeader()
	p.Server(leaver).Signal(syscall.SIGTERM)
	require.Zero(t, p.Server(leaver).Wait(stopLimit))
	stayed := p.Client((leaver + 1) % 3)
	harness.AwaitWithin(t, 5*time.Second, "the leaver to be gone", func() error {
		raft, err := stayed.Operator().RaftConfiguration(t.Context(), nil)
		if err != nil {
			return err
		}
		nodes, _, err := stayed.Catalog().Service(t.Context(), "consul", nil)
		if err != nil || len(raft.Servers) != 2 || len(nodes) != 2 {
			return fmt.Errorf("%d servers in raft, %d in the catalog: %w", len(raft.Servers), len(nodes), err)
		}
		return nil
	})
	for _, i := range []int{(leaver + 1) % 3, (leaver + 2) % 3} {
		members, err := p.Client(i).Agent().Members(p.Context(), false, "")
		require.NoError(t, err)
		require.Len(t, members, 3)
		for _, m := range members {
			require.Equal(t, m.Name == p.Server(leaver).Name, m.Status == api.MemberLeft, "%+v", m)
		}
	}
	require.NoError(t, l.Write(p.Context(), stayed, "after", 1))
	p.WaitHealthy()
}

// SIGHUP takes services, checks and the log level anew; a mistake in the file
// leaves all as it was.
func TestReloadTakesDefinitions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "services.hcl")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write(`service { name = "old" port = 1 }  service { name = "both" port = 2 }`)
	p := harness.NewProcesses(t, binary(), 1, "-config-file="+file)
	client := p.Client(0)
	services := func(want map[string]int) {
		t.Helper()
		harness.Await(t, fmt.Sprintf("services %v", want), func() error {
			have := map[string]int{}
			list, err := client.Agent().Services(p.Context(), "")
			for id, s := range list {
				have[id] = s.Port
			}
			if err != nil || fmt.Sprint(have) != fmt.Sprint(want) {
				return fmt.Errorf("have %v: %w", have, err)
			}
			return nil
		})
	}
	services(map[string]int{"old": 1, "both": 2})
	// One registered over the API is not the file's to remove.
	require.NoError(t, client.Agent().RegisterService(p.Context(), &api.ServiceRegistration{Name: "api", Port: 9}))

	write(`service { name = "both" port = 3 }  service { name = "new" port = 4 }`)
	p.Server(0).Signal(syscall.SIGHUP)
	services(map[string]int{"both": 3, "new": 4, "api": 9})

	write(`service { name = "both" porst = 5 }`)
	p.Server(0).Signal(syscall.SIGHUP)
	harness.Await(t, "the refusal to be logged", func() error {
		if log := p.Server(0).Log(); !contains(log, "porst", "stays in force") {
			return fmt.Errorf("it is not in the log")
		}
		return nil
	})
	services(map[string]int{"both": 3, "new": 4, "api": 9})
}
