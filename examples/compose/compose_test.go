// Package compose holds the test of docker-compose.yml.
package compose

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// compose runs docker-compose on the project's file.
func compose(t *testing.T, args ...string) string {
	cmd := exec.Command("docker-compose", append([]string{"-f", "../../docker-compose.yml", "-p", "registryd-test"}, args...)...)
	cmd.Env = append(os.Environ(), "DOCKERFILE=Dockerfile.prebuilt")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "docker-compose %s: %s", strings.Join(args, " "), out)
	return string(out)
}

// TestComposeSurvivesKills starts the containers, kills a greeter and the
// leader under load, and looks the services up on each server. It needs a
// Docker engine and the image (`make prebuilt`), and free ports: `make
// compose-test` asks for it.
func TestComposeSurvivesKills(t *testing.T) {
	if os.Getenv("REGISTRYD_COMPOSE") == "" {
		t.Skip("set REGISTRYD_COMPOSE=1 where a Docker engine runs")
	}
	compose(t, "config", "-q")
	t.Cleanup(func() { compose(t, "down", "-v", "-t", "5") })
	compose(t, "up", "-d")

	addrs := []string{"127.0.0.1:8500", "127.0.0.1:8510", "127.0.0.1:8520"}
	client, err := api.New(api.Config{Addresses: addrs, IgnoreEnv: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	passing := func(service string, want int) func() bool {
		return func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			list, _, err := client.Health().Service(ctx, service, &api.QueryOptions{Passing: true})
			return err == nil && len(list) == want
		}
	}
	require.Eventually(t, passing("consul", 3), time.Minute, 100*time.Millisecond)
	require.Eventually(t, passing("greeter", 3), time.Minute, 100*time.Millisecond)
	require.Eventually(t, func() bool { return hello() == nil }, time.Minute, 100*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Count(compose(t, "ps"), "(healthy)") == 3 }, time.Minute, time.Second)

	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	var failures []error
	sent := 0
	wg.Go(func() {
		for ctx.Err() == nil {
			sent++
			if err := hello(); err != nil {
				failures = append(failures, err)
			}
		}
	})
	compose(t, "kill", "greeter-1")
	require.Eventually(t, passing("greeter", 2), 30*time.Second, 100*time.Millisecond)
	leader := leaderOf(t, client)
	compose(t, "kill", leader)
	require.Eventually(t, passing("consul", 2), 30*time.Second, 100*time.Millisecond)
	require.Eventually(t, passing("greeter", 2), 30*time.Second, 100*time.Millisecond)
	compose(t, "up", "-d")
	require.Eventually(t, passing("consul", 3), time.Minute, 100*time.Millisecond)
	require.Eventually(t, passing("greeter", 3), time.Minute, 100*time.Millisecond)
	stop()
	wg.Wait()
	t.Logf("%d requests", sent)
	require.Empty(t, failures)
	for _, s := range []string{"server-1", "server-2", "server-3"} {
		out := compose(t, "exec", "-T", s, "registryctl", "lookup", "--passing", "greeter")
		require.Len(t, strings.Fields(out), 3, out)
	}
}

// leaderOf returns the name of the leading server.
func leaderOf(t *testing.T, client *api.Client) string {
	c, err := client.Operator().RaftConfiguration(t.Context(), nil)
	require.NoError(t, err)
	for _, s := range c.Servers {
		if s.Leader {
			return s.Node
		}
	}
	require.Fail(t, "no leader")
	return ""
}

// hello sends a request through the proxy.
func hello() error {
	resp, err := http.Get("http://127.0.0.1:9000/")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && !strings.HasPrefix(string(text), "Hello, world!") {
		err = fmt.Errorf("answer %d: %s", resp.StatusCode, text)
	}
	return err
}
