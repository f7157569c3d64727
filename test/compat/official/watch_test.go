package official

import (
	"io"
	"testing"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/api/watch"
	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

// follow runs a watch plan with the parameters until the test ends and returns
// what it reports.
func follow[T any](t *testing.T, c *api.Client, params map[string]any) <-chan T {
	t.Helper()
	plan, err := watch.Parse(params)
	require.NoError(t, err)
	seen := make(chan T, 100)
	plan.Handler = func(_ uint64, raw any) { deliver(seen, raw) }
	plan.HybridHandler = func(_ watch.BlockingParamVal, raw any) { deliver(seen, raw) }
	if _, byHash := params["service_id"]; byHash {
		plan.Handler = nil
	} else {
		plan.HybridHandler = nil
	}
	ended := make(chan error, 1)
	go func() {
		ended <- plan.RunWithClientAndHclog(c, hclog.New(&hclog.LoggerOptions{Output: io.Discard}))
	}()
	t.Cleanup(func() {
		plan.Stop()
		require.NoError(t, rig.Within(t, "the end of the plan", ended))
	})
	return seen
}

func deliver[T any](to chan<- T, raw any) {
	if v, ok := raw.(T); ok {
		to <- v
	}
}

// until receives until a report satisfies ok.
func until[T any](t *testing.T, what string, ch <-chan T, ok func(T) bool) T {
	t.Helper()
	for {
		if v := rig.Within(t, what, ch); ok(v) {
			return v
		}
	}
}

func testWatchKey(t *testing.T, w world) {
	seen := follow[*api.KVPair](t, w.client(), map[string]any{"type": "key", "key": "watched/key"})
	for _, v := range []string{"one", "two"} {
		_, err := w.client().KV().Put(&api.KVPair{Key: "watched/key", Value: []byte(v)}, nil)
		require.NoError(t, err)
		until(t, "value "+v, seen, func(p *api.KVPair) bool { return string(p.Value) == v })
	}
}

func testWatchKeyPrefix(t *testing.T, w world) {
	seen := follow[api.KVPairs](t, w.client(), map[string]any{"type": "keyprefix", "prefix": "watchedtree/"})
	for n, k := range []string{"watchedtree/a", "watchedtree/b"} {
		_, err := w.client().KV().Put(&api.KVPair{Key: k}, nil)
		require.NoError(t, err)
		until(t, "key "+k, seen, func(l api.KVPairs) bool { return len(l) == n+1 })
	}
	_, err := w.client().KV().DeleteTree("watchedtree/", nil)
	require.NoError(t, err)
	until(t, "nothing", seen, func(l api.KVPairs) bool { return len(l) == 0 })
}

func testWatchServices(t *testing.T, w world) {
	seen := follow[map[string][]string](t, w.client(), map[string]any{"type": "services"})
	put(t, w.client(), "ws-1", "watched-name", api.HealthPassing, "tagged")
	until(t, "the name", seen, func(m map[string][]string) bool { return len(m["watched-name"]) == 1 })
	_, err := w.client().Catalog().Deregister(&api.CatalogDeregistration{Node: "ws-1"}, nil)
	require.NoError(t, err)
	until(t, "the name's end", seen, func(m map[string][]string) bool { _, there := m["watched-name"]; return !there })
}

func testWatchNodes(t *testing.T, w world) {
	seen := follow[[]*api.Node](t, w.client(), map[string]any{"type": "nodes", "filter": `Node matches "^wn-"`})
	put(t, w.client(), "wn-1", "on-watched-node", api.HealthPassing)
	until(t, "the node", seen, func(l []*api.Node) bool { return len(l) == 1 })
	_, err := w.client().Catalog().Deregister(&api.CatalogDeregistration{Node: "wn-1"}, nil)
	require.NoError(t, err)
	until(t, "the node's end", seen, func(l []*api.Node) bool { return len(l) == 0 })
}

func testWatchService(t *testing.T, w world) {
	seen := follow[[]*api.ServiceEntry](t, w.client(), map[string]any{"type": "service", "service": "wsvc", "tag": []string{"a", "b"}, "passingonly": true})
	put(t, w.client(), "wsvc-1", "wsvc", api.HealthPassing, "a", "b")
	put(t, w.client(), "wsvc-2", "wsvc", api.HealthPassing, "a")
	until(t, "the instance", seen, func(l []*api.ServiceEntry) bool { return len(l) == 1 })
	put(t, w.client(), "wsvc-1", "wsvc", api.HealthCritical, "a", "b")
	until(t, "no instance", seen, func(l []*api.ServiceEntry) bool { return len(l) == 0 })
}

func testWatchChecks(t *testing.T, w world) {
	of := follow[[]*api.HealthCheck](t, w.client(), map[string]any{"type": "checks", "service": "wchk"})
	in := follow[[]*api.HealthCheck](t, w.client(), map[string]any{"type": "checks", "state": api.HealthWarning, "filter": `ServiceName == "wchk"`})
	put(t, w.client(), "wchk-1", "wchk", api.HealthPassing)
	until(t, "the check", of, func(l []*api.HealthCheck) bool { return len(l) == 1 })
	put(t, w.client(), "wchk-1", "wchk", api.HealthWarning)
	until(t, "the warning", in, func(l []*api.HealthCheck) bool { return len(l) == 1 })
	until(t, "the warning", of, func(l []*api.HealthCheck) bool { return len(l) == 1 && l[0].Status == api.HealthWarning })
}

func testWatchEvent(t *testing.T, w world) {
	client := w.home()
	seen := follow[[]*api.UserEvent](t, client, map[string]any{"type": "event", "name": "watched-event"})
	for _, payload := range []string{"1", "2"} {
		_, _, err := client.Event().Fire(&api.UserEvent{Name: "watched-event", Payload: []byte(payload)}, nil)
		require.NoError(t, err)
		until(t, "event "+payload, seen, func(l []*api.UserEvent) bool {
			return len(l) > 0 && string(l[len(l)-1].Payload) == payload
		})
	}
}

func testWatchAgentService(t *testing.T, w world) {
	client := w.home()
	reg := &api.AgentServiceRegistration{ID: "wag-1", Name: "wag", Port: 1}
	require.NoError(t, client.Agent().ServiceRegister(reg))
	seen := follow[*api.AgentService](t, client, map[string]any{"type": "agent_service", "service_id": "wag-1"})
	until(t, "the service", seen, func(s *api.AgentService) bool { return s.Port == 1 })
	reg.Port = 2
	require.NoError(t, client.Agent().ServiceRegister(reg))
	until(t, "its new port", seen, func(s *api.AgentService) bool { return s.Port == 2 })
}

func testWatchConnect(t *testing.T, w world) {
	roots := follow[*api.CARootList](t, w.client(), map[string]any{"type": "connect_roots"})
	require.NotEmpty(t, rig.Within(t, "the roots", roots).ActiveRootID)
	leaves := follow[*api.LeafCert](t, w.client(), map[string]any{"type": "connect_leaf", "service": "watched-leaf"})
	require.NotEmpty(t, rig.Within(t, "a leaf", leaves).CertPEM)
}
