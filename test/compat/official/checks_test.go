package official

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

// awaitCheck waits until the agent shows the status for a check and returns it.
func awaitCheck(t *testing.T, c *api.Client, id, status string) *api.AgentCheck {
	t.Helper()
	var check *api.AgentCheck
	rig.Eventually(t, "check "+id+" is "+status, func() error {
		checks, err := c.Agent().Checks()
		if err != nil {
			return err
		}
		if check = checks[id]; check == nil || check.Status != status {
			return fmt.Errorf("it is %+v", check)
		}
		return nil
	})
	return check
}

func testChecksTTL(t *testing.T, w world) {
	client := w.home()
	agent := client.Agent()
	require.NoError(t, agent.ServiceRegister(&api.AgentServiceRegistration{ID: "beat-1", Name: "beat"}))
	require.NoError(t, agent.CheckRegister(&api.AgentCheckRegistration{
		ID: "beat", Name: "heartbeat", Notes: "of a test", ServiceID: "beat-1", AgentServiceCheck: api.AgentServiceCheck{TTL: "1h"},
	}))
	check := awaitCheck(t, client, "beat", api.HealthCritical)
	require.Equal(t, "heartbeat", check.Name)
	require.Equal(t, "of a test", check.Notes)
	require.Equal(t, "beat-1", check.ServiceID)
	require.Equal(t, "beat", check.ServiceName)
	require.Equal(t, "ttl", check.Type)
	for _, step := range []struct {
		send   func(a *api.Agent) error
		status string
		output string
	}{
		{func(a *api.Agent) error { return a.PassTTL("beat", "fine") }, api.HealthPassing, "fine"},
		{func(a *api.Agent) error { return a.WarnTTL("beat", "hm") }, api.HealthWarning, "hm"},
		{func(a *api.Agent) error { return a.FailTTL("beat", "oh") }, api.HealthCritical, "oh"},
		{func(a *api.Agent) error { return a.UpdateTTL("beat", "well", api.HealthPassing) }, api.HealthPassing, "well"},
		{func(a *api.Agent) error { return a.UpdateTTL("beat", "ill", "warn") }, api.HealthWarning, "ill"},
	} {
		// A heartbeat finds its check through any server.
		require.NoError(t, step.send(w.client().Agent()))
		checks, _, err := w.client().Health().Checks("beat", nil)
		require.NoError(t, err)
		require.Len(t, checks, 1)
		require.Equal(t, step.status, checks[0].Status)
		require.Equal(t, step.output, checks[0].Output)
	}
	require.NoError(t, agent.CheckRegister(&api.AgentCheckRegistration{
		ID: "late", Name: "late", AgentServiceCheck: api.AgentServiceCheck{TTL: "50ms", Status: api.HealthPassing},
	}))
	late := awaitCheck(t, client, "late", api.HealthCritical)
	require.Contains(t, late.Output, "TTL expired")
	require.NoError(t, agent.CheckDeregister("late"))
	require.NoError(t, agent.CheckDeregister("beat"))
	require.Error(t, agent.PassTTL("beat", ""))
	require.NoError(t, agent.ServiceDeregister("beat-1"))
}

func testChecksProbes(t *testing.T, w world) {
	client := w.home()
	var code atomic.Int32
	code.Store(http.StatusOK)
	target := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(int(code.Load()))
		fmt.Fprintf(rw, "%s %s", r.Method, r.Header.Get("X-Probe"))
	}))
	defer target.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()

	require.NoError(t, client.Agent().ServiceRegister(&api.AgentServiceRegistration{ID: "probed-1", Name: "probed", Checks: api.AgentServiceChecks{
		{CheckID: "probed:http", Name: "http", HTTP: target.URL, Method: "POST", Header: map[string][]string{"X-Probe": {"yes"}}, Interval: "1s", Timeout: "1s"},
		{CheckID: "probed:tcp", Name: "tcp", TCP: ln.Addr().String(), Interval: "1s"},
	}}))
	check := awaitCheck(t, client, "probed:http", api.HealthPassing)
	require.Contains(t, check.Output, "POST yes")
	require.Equal(t, "http", check.Type)
	awaitCheck(t, client, "probed:tcp", api.HealthPassing)
	code.Store(http.StatusTooManyRequests)
	awaitCheck(t, client, "probed:http", api.HealthWarning)
	code.Store(http.StatusInternalServerError)
	require.NoError(t, ln.Close())
	check = awaitCheck(t, client, "probed:http", api.HealthCritical)
	require.Contains(t, check.Output, "500")
	awaitCheck(t, client, "probed:tcp", api.HealthCritical)
	require.NoError(t, client.Agent().ServiceDeregister("probed-1"))
	checks, err := client.Agent().Checks()
	require.NoError(t, err)
	for id := range checks {
		require.False(t, strings.HasPrefix(id, "probed:"), id)
	}
}
