package api

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAgentCalls(t *testing.T) {
	web := &ServiceRegistration{Name: "web", Port: 80, Check: &CheckRegistration{CheckDefinition: CheckDefinition{HTTP: "http://x/?a&b", Interval: Duration(10 * time.Second)}}}
	webBody := `{"Name":"web","Port":80,"Check":{"HTTP":"http://x/?a&b","Interval":"10s"}}`
	bad := &ServiceHealth{AggregatedStatus: Critical, Service: &AgentService{Service: Service{ID: "w"}, Datacenter: "dc1"}}
	runCalls(t, []call{
		{name: "self", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Agent().Self(ctx)) },
			send: "GET /v1/agent/self", reply: `{"Config":{"NodeName":"n","Server":true},"Member":{"Status":1},"Stats":{"raft":{"term":"2"}}}`,
			want: &AgentSelf{Config: AgentConfig{NodeName: "n", Server: true}, Member: Member{Status: MemberAlive},
				Stats: map[string]map[string]string{"raft": {"term": "2"}}}},
		{name: "version", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Agent().Version(ctx)) },
			send: "GET /v1/agent/version", reply: `{"HumanVersion":"1.2"}`, want: &AgentVersion{HumanVersion: "1.2"}},
		{name: "host", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Agent().Host(ctx)) },
			send: "GET /v1/agent/host", reply: `{"CPU":[]}`, want: map[string]any{"CPU": []any{}}},
		{name: "members", do: func(ctx context.Context, c *Client) (any, error) {
			return value(c.Agent().Members(ctx, true, `Name == "a"`))
		},
			send: "GET /v1/agent/members?filter=Name+%3D%3D+%22a%22&wan=1", reply: `[{"Name":"a","Status":4}]`,
			want: []*Member{{Name: "a", Status: MemberFailed}}},
		{name: "join", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Agent().Join(ctx, "10.0.0.1:8301", false))
		},
			send: "PUT /v1/agent/join/10.0.0.1:8301"},
		{name: "leave", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Agent().Leave(ctx)) }, send: "PUT /v1/agent/leave"},
		{name: "force-leave", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Agent().ForceLeave(ctx, "n", true)) },
			send: "PUT /v1/agent/force-leave/n?prune="},
		{name: "reload", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Agent().Reload(ctx)) }, send: "PUT /v1/agent/reload"},
		{name: "maintenance", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Agent().Maintenance(ctx, true, "disk swap"))
		}, send: "PUT /v1/agent/maintenance?enable=true&reason=disk+swap"},
		{name: "token", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Agent().SetToken(ctx, "agent", "x")) },
			send: "PUT /v1/agent/token/agent", body: `{"Token":"x"}`},
		{name: "services", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Agent().Services(ctx, "")) },
			send: "GET /v1/agent/services", reply: `{"w":{"ID":"w","Service":"web","Datacenter":"dc1"}}`,
			want: map[string]*AgentService{"w": {Service: Service{ID: "w", Service: "web"}, Datacenter: "dc1"}}},
		{name: "services of all", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Agent().ClusterServices(ctx, "")) },
			send: "GET /v1/agent/services?scope=cluster", reply: `{"n/w":{"ID":"w","Node":"n"}}`,
			want: map[string]*AgentService{"n/w": {Service: Service{ID: "w"}, Node: "n"}}},
		{name: "checks of all", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Agent().ClusterChecks(ctx, "x")) },
			send: "GET /v1/agent/checks?filter=x&scope=cluster", reply: `{"c":{"Node":"n"}}`, want: map[string]*Check{"c": {Node: "n"}}},
		{name: "service", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.Agent().Service(ctx, "w", &QueryOptions{Hash: "h", Wait: time.Second}))
		}, send: "GET /v1/agent/service/w?hash=h&wait=1s", reply: `{"ID":"w","ContentHash":"i"}`,
			want: &AgentService{Service: Service{ID: "w"}, ContentHash: "i"}},
		{name: "register", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Agent().RegisterService(ctx, web)) },
			send: "PUT /v1/agent/service/register", body: webBody},
		{name: "replace", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Agent().ReplaceService(ctx, web)) },
			send: "PUT /v1/agent/service/register?replace-existing-checks=true", body: webBody},
		{name: "deregister", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Agent().DeregisterService(ctx, "w")) },
			send: "PUT /v1/agent/service/deregister/w"},
		{name: "deregister unnamed", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Agent().DeregisterService(ctx, "")) }, err: Invalid},
		{name: "service maintenance", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Agent().ServiceMaintenance(ctx, "w", false, ""))
		}, send: "PUT /v1/agent/service/maintenance/w?enable=false"},
		{name: "service health", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Agent().ServiceHealth(ctx, "w")) },
			send: "GET /v1/agent/health/service/id/w?format=json", status: 503,
			reply: `{"AggregatedStatus":"critical","Service":{"ID":"w","Datacenter":"dc1"},"Checks":null}`, want: bad},
		{name: "service health unknown", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Agent().ServiceHealth(ctx, "w")) },
			send: "GET /v1/agent/health/service/id/w?format=json", status: 404, reply: `{"AggregatedStatus":"critical"}`, err: NotFound},
		{name: "service health by name", do: func(ctx context.Context, c *Client) (any, error) {
			return value(c.Agent().ServiceHealthByName(ctx, "web"))
		}, send: "GET /v1/agent/health/service/name/web?format=json", status: 429,
			reply: `[{"AggregatedStatus":"critical","Service":{"ID":"w","Datacenter":"dc1"}}]`, want: []*ServiceHealth{bad}},
		{name: "checks", do: func(ctx context.Context, c *Client) (any, error) {
			return value(c.Agent().Checks(ctx, "Status != passing"))
		},
			send: "GET /v1/agent/checks?filter=Status+%21%3D+passing", reply: `{"c":{"CheckID":"c"}}`, want: map[string]*Check{"c": {CheckID: "c"}}},
		{name: "register check", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Agent().RegisterCheck(ctx, &CheckRegistration{ID: "c", Name: "c", CheckDefinition: CheckDefinition{TTL: Duration(time.Minute)}}))
		}, send: "PUT /v1/agent/check/register", body: `{"ID":"c","Name":"c","TTL":"1m0s"}`},
		{name: "deregister check", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Agent().DeregisterCheck(ctx, "c")) },
			send: "PUT /v1/agent/check/deregister/c"},
		{name: "pass", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Agent().PassTTL(ctx, "a:b", "all fine"))
		},
			send: "PUT /v1/agent/check/pass/a:b?note=all+fine"},
		{name: "pass with much to say", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Agent().PassTTL(ctx, "c", strings.Repeat("x", 256)))
		}, send: "PUT /v1/agent/check/update/c", body: fmt.Sprintf(`{"Output":"%s","Status":"passing"}`, strings.Repeat("x", 256))},
		{name: "warn", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Agent().WarnTTL(ctx, "c", "<slow>")) },
			send: "PUT /v1/agent/check/update/c", body: `{"Output":"<slow>","Status":"warning"}`},
		{name: "fail", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Agent().FailTTL(ctx, "c", "")) },
			send: "PUT /v1/agent/check/update/c", body: `{"Output":"","Status":"critical"}`},
		{name: "metrics", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Agent().Metrics(ctx)) },
			send: "GET /v1/agent/metrics", reply: `{"Gauges":[{"Name":"g","Value":1.5}]}`, want: &Metrics{Gauges: []Gauge{{Name: "g", Value: 1.5}}}},
		{name: "metrics text", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Agent().MetricsText(ctx)) },
			send: "GET /v1/agent/metrics?format=prometheus", reply: "g 1.5\n", want: []byte("g 1.5\n")},
	})
}

func TestOperatorCalls(t *testing.T) {
	conf := &AutopilotConfig{CleanupDeadServers: true, LastContactThreshold: Duration(200 * time.Millisecond), ModifyIndex: 4}
	confBody := `{"CleanupDeadServers":true,"LastContactThreshold":"200ms","MaxTrailingLogs":0,"MinQuorum":0,"ServerStabilizationTime":"0s",` +
		`"RedundancyZoneTag":"","DisableUpgradeMigration":false,"UpgradeVersionTag":"","CreateIndex":0,"ModifyIndex":4}`
	runCalls(t, []call{
		{name: "raft", do: func(ctx context.Context, c *Client) (any, error) {
			return value(c.Operator().RaftConfiguration(ctx, &QueryOptions{Consistency: ReadStale}))
		}, send: "GET /v1/operator/raft/configuration?stale=", reply: `{"Servers":[{"ID":"i","Leader":true}],"Index":3}`,
			want: &RaftConfiguration{Servers: []*RaftServer{{ID: "i", Leader: true}}, Index: 3}},
		{name: "remove by ID", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Operator().RemovePeer(ctx, "i")) },
			send: "DELETE /v1/operator/raft/peer?id=i"},
		{name: "remove by address", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Operator().RemovePeerAddress(ctx, "10.0.0.1:8300"))
		}, send: "DELETE /v1/operator/raft/peer?address=10.0.0.1%3A8300"},
		{name: "transfer", do: func(ctx context.Context, c *Client) (any, error) { return only(c.Operator().TransferLeader(ctx, "i")) },
			send: "POST /v1/operator/raft/transfer-leader?id=i", reply: `{"Success":true}`},
		{name: "autopilot", do: func(ctx context.Context, c *Client) (any, error) {
			return value(c.Operator().AutopilotConfiguration(ctx, nil))
		}, send: "GET /v1/operator/autopilot/configuration", reply: confBody, want: conf},
		{name: "autopilot set", do: func(ctx context.Context, c *Client) (any, error) {
			return only(c.Operator().SetAutopilotConfiguration(ctx, conf))
		}, send: "PUT /v1/operator/autopilot/configuration", body: confBody, reply: "true"},
		{name: "autopilot cas", do: func(ctx context.Context, c *Client) (any, error) {
			return value(c.Operator().CASAutopilotConfiguration(ctx, conf))
		}, send: "PUT /v1/operator/autopilot/configuration?cas=4", body: confBody, reply: "false", want: false},
		{name: "health", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Operator().AutopilotHealth(ctx)) },
			send: "GET /v1/operator/autopilot/health", status: 429, reply: `{"Healthy":false,"Servers":[{"Name":"n","LastContact":"12ms"}]}`,
			want: &AutopilotHealth{Servers: []*ServerHealth{{Name: "n", LastContact: Duration(12 * time.Millisecond)}}}},
		{name: "state", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Operator().AutopilotState(ctx)) },
			send: "GET /v1/operator/autopilot/state", reply: `{"Leader":"i","Servers":{"i":{"Name":"n"}}}`,
			want: &AutopilotState{Leader: "i", Servers: map[string]*AutopilotServer{"i": {Name: "n"}}}},
		{name: "usage", do: func(ctx context.Context, c *Client) (any, error) { return reading(c.Operator().Usage(ctx, nil)) },
			send: "GET /v1/operator/usage", reply: `{"Usage":{"dc1":{"Nodes":3}}}`, want: map[string]*Usage{"dc1": {Nodes: 3}}},
	})
}

func TestMonitorStreamsUntilClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		n.serve(t, "a:1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery != "logjson=true&loglevel=debug" {
				refuse(w, Invalid, "wrong parameters "+r.URL.RawQuery)
				return
			}
			for i := 0; r.Context().Err() == nil; i++ {
				_, _ = fmt.Fprintf(w, "line %d\n", i)
				w.(http.Flusher).Flush()
				linger(r, time.Minute) // far beyond the time of an ordinary request
			}
		}))
		stream, err := n.client(t, nil, "a:1").Agent().Monitor(t.Context(), "debug", true)
		require.NoError(t, err)
		lines := bufio.NewScanner(stream)
		for i := range 3 {
			require.True(t, lines.Scan())
			require.Equal(t, fmt.Sprintf("line %d", i), lines.Text())
		}
		rest := make(chan error, 1)
		go func() { _, err := io.ReadAll(stream); rest <- err }()
		synctest.Wait()
		require.NoError(t, stream.Close())
		require.Error(t, <-rest, "a reader that waits returns")
	})
}

func TestWorstStatus(t *testing.T) {
	check := func(id, status string) *Check { return &Check{CheckID: id, Status: status} }
	for _, tt := range []struct {
		checks []*Check
		want   string
	}{
		{nil, Passing},
		{[]*Check{check("a", Passing), check("b", Warning)}, Warning},
		{[]*Check{check("a", Critical), check("b", Warning)}, Critical},
		{[]*Check{check("a", "odd")}, Critical},
		{[]*Check{check("a", Critical), check(NodeMaintenance, Critical)}, Maintenance},
		{[]*Check{check(ServiceMaintenancePrefix+"x", Critical)}, Maintenance},
	} {
		require.Equal(t, tt.want, (&Entry{Checks: tt.checks}).Status())
	}
}

func TestHostPort(t *testing.T) {
	host, port := (&Entry{Node: &Node{Address: "10.0.0.1"}, Service: &Service{Port: 80}}).HostPort()
	require.Equal(t, "10.0.0.1:80", fmt.Sprintf("%s:%d", host, port))
	host, _ = (&Entry{Node: &Node{Address: "10.0.0.1"}, Service: &Service{Address: "10.0.0.2"}}).HostPort()
	require.Equal(t, "10.0.0.2", host)
	host, _ = (&Entry{}).HostPort()
	require.Empty(t, host)
}
