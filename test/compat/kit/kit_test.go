// Package kit starts registryd through Consul's own test kit, as the test suites
// of a great many programs start Consul: an executable called consul on the PATH
// that is registryd.
package kit

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/sdk/testutil"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func TestMain(m *testing.M) {
	remove, err := rig.InstallAs("consul")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := rig.Run(m)
	remove()
	os.Exit(code)
}

// start starts a server as the kit does, with the settings that change makes,
// and ends it with the test. What begins a test in suites on the kit is waited
// for.
func start(t *testing.T, change func(*testutil.TestServerConfig)) (*testutil.TestServer, *api.Client) {
	t.Helper()
	begin := time.Now()
	s, err := testutil.NewTestServerConfigT(t, change)
	require.NoError(t, err)
	t.Cleanup(func() {
		begin := time.Now()
		require.NoError(t, s.Stop())
		require.Less(t, time.Since(begin), 10*time.Second)
	})
	s.WaitForLeader(t)
	require.Less(t, time.Since(begin), 7*time.Second)
	c := api.DefaultConfig()
	c.Address = s.HTTPAddr
	t.Cleanup(c.Transport.CloseIdleConnections)
	client, err := api.NewClient(c)
	require.NoError(t, err)
	return s, client
}
