package harness_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// A script runs on its server only. When that fails the check says why it is
// critical, and it passes again once the server is back, whether that was
// restarted or merely cut off. What is checked at a loopback address goes on
// elsewhere, for these servers share a host: every read shows it.
func TestScriptsStayAndOthersMove(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("true"); err != nil {
		t.Skip("there is no command to run")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var accepts sync.WaitGroup
	accepts.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	})
	defer accepts.Wait()
	defer ln.Close()

	c := harness.New(t, harness.Options{Settings: map[string]string{"enable_script_checks": "true"}})
	for _, s := range []struct {
		name     string
		down, up func(i int)
	}{
		{"killed", c.Kill, c.Start},
		{"isolated", c.Isolate, func(int) { c.Heal() }},
	} {
		t.Run(s.name, func(t *testing.T) {
			victim := (c.WaitLeader() + 1) % c.Len()
			witness := c.Client((victim + 1) % c.Len())
			script, open := "script-"+s.name, "open-"+s.name
			every := api.Duration(time.Second)
			for name, probe := range map[string]api.CheckDefinition{script: {Args: []string{"true"}, Interval: every}, open: {TCP: ln.Addr().String(), Interval: every}} {
				require.NoError(t, c.Client(victim).Agent().RegisterService(c.Context(), &api.ServiceRegistration{
					Name: name, ID: name, Address: "192.0.2.7", Port: 80, Check: &api.CheckRegistration{CheckID: name, CheckDefinition: probe},
				}))
			}
			is := func(name, status, says string, home bool) {
				t.Helper()
				harness.Await(t, name+" to be "+status, func() error {
					entries, _, err := witness.Health().Service(t.Context(), name, nil)
					if err != nil || len(entries) != 1 {
						return fmt.Errorf("%d instances: %w", len(entries), err)
					}
					if (entries[0].Node.Node == c.Name(victim)) != home {
						return errors.New("it is with " + entries[0].Node.Node)
					}
					for _, k := range entries[0].Checks {
						if k.CheckID == name && (k.Status != status || !strings.Contains(k.Output, says)) {
							return fmt.Errorf("%s: %s", k.Status, k.Output)
						}
					}
					return nil
				})
			}
			is(script, api.Passing, "", true)
			is(open, api.Passing, "", true)

			ctx, stop := context.WithCancel(t.Context())
			var reader sync.WaitGroup
			var gap error
			reader.Go(func() { _, gap = readOn(ctx, witness, open) })
			s.down(victim)
			is(open, api.Passing, "", false)
			is(script, api.Critical, "server "+c.Name(victim)+", which ran this check, failed; a script cannot be run elsewhere", true)
			s.up(victim)
			is(script, api.Passing, "", true)
			is(open, api.Passing, "", false)
			stop()
			reader.Wait()
			require.NoError(t, gap)
			c.WaitHealthy()
		})
	}
	c.Verify()
}
