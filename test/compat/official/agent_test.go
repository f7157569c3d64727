package official

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

func testSelf(t *testing.T, w world) {
	agent := w.home().Agent()
	name := w.servers[len(w.servers)-1].Name
	self, err := agent.Self()
	require.NoError(t, err)
	require.Equal(t, name, self["Config"]["NodeName"])
	require.Equal(t, "dc1", self["Config"]["Datacenter"])
	require.Equal(t, true, self["Config"]["Server"])
	require.Equal(t, name, self["Member"]["Name"])
	got, err := agent.NodeName()
	require.NoError(t, err)
	require.Equal(t, name, got)
	version, err := agent.Version()
	require.NoError(t, err)
	require.NotEmpty(t, version["HumanVersion"])
	host, err := agent.Host()
	require.NoError(t, err)
	for _, part := range []string{"CPU", "Memory", "Disk", "Host"} {
		require.Contains(t, host, part)
	}
	require.NoError(t, agent.Reload())

	// Joining who is there already is no mistake; nobody there is one.
	addr, ok := self["DebugConfig"]["SerfAdvertiseAddrLAN"].(string)
	require.True(t, ok)
	require.NoError(t, agent.Join(strings.TrimPrefix(addr, "tcp://"), false))
	require.Error(t, agent.Join("127.0.0.1:1", false))
	require.Error(t, agent.ForceLeave("nobody"))
}

func testMembers(t *testing.T, w world) {
	members, err := w.client().Agent().Members(false)
	require.NoError(t, err)
	require.Len(t, members, len(w.servers))
	for _, m := range members {
		require.Equal(t, 1, m.Status, "alive")
		require.Equal(t, api.MemberTagValueRoleServer, m.Tags[api.MemberTagKeyRole])
		require.Equal(t, "dc1", m.Tags[api.MemberTagKeyDatacenter])
		require.Equal(t, "127.0.0.1", m.Addr)
		require.NotZero(t, m.Port)
	}
	wan, err := w.client().Agent().MembersOpts(api.MembersOpts{WAN: true})
	require.NoError(t, err)
	require.Len(t, wan, len(w.servers))
	require.True(t, strings.HasSuffix(wan[0].Name, ".dc1"), wan[0].Name)
	filtered, err := w.client().Agent().MembersOpts(api.MembersOpts{Filter: fmt.Sprintf("Name == %q", w.servers[0].Name)})
	require.NoError(t, err)
	require.Len(t, filtered, 1)
}

func testStatus(t *testing.T, w world) {
	leader, err := w.client().Status().Leader()
	require.NoError(t, err)
	peers, err := w.client().Status().Peers()
	require.NoError(t, err)
	require.Len(t, peers, len(w.servers))
	require.Contains(t, peers, leader)
	leader, err = w.client().Status().LeaderWithQueryOptions(&api.QueryOptions{Datacenter: "dc1"})
	require.NoError(t, err)
	require.Contains(t, peers, leader)
}

func testMetrics(t *testing.T, w world) {
	agent := w.home().Agent()
	info, err := agent.Metrics()
	require.NoError(t, err)
	require.NotEmpty(t, info.Timestamp)
	require.NotEmpty(t, info.Gauges)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stream, err := agent.MetricsStream(ctx)
	require.NoError(t, err)
	defer stream.Close()
	var next api.MetricsInfo
	require.NoError(t, json.NewDecoder(stream).Decode(&next))
	require.NotEmpty(t, next.Gauges)
}

func testMonitor(t *testing.T, w world) {
	client := w.home()
	for _, c := range []struct {
		name    string
		monitor func(level string, stop <-chan struct{}, q *api.QueryOptions) (chan string, error)
		want    func(line string) bool
	}{
		{"plain", client.Agent().Monitor, func(l string) bool { return strings.Contains(l, "[INFO]") }},
		{"json", client.Agent().MonitorJSON, func(l string) bool {
			var line map[string]any
			return json.Unmarshal([]byte(l), &line) == nil && line["@level"] == "info"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			stop := make(chan struct{})
			defer close(stop)
			lines, err := c.monitor("info", stop, nil)
			require.NoError(t, err)
			id := "monitored-" + c.name
			require.NoError(t, client.Agent().ServiceRegister(&api.AgentServiceRegistration{Name: id}))
			for {
				line := rig.Within(t, "a log line about "+id, lines)
				if line != "" && strings.Contains(line, id) {
					require.True(t, c.want(line), line)
					break
				}
			}
			require.NoError(t, client.Agent().ServiceDeregister(id))
		})
	}
	_, err := client.Agent().Monitor("loud", nil, nil)
	require.ErrorContains(t, err, "400")
}

func testDebug(t *testing.T, w world) {
	heap, err := w.client().Debug().Heap()
	require.NoError(t, err)
	require.NotEmpty(t, heap)
	goroutines, err := w.client().Debug().Goroutine()
	require.NoError(t, err)
	require.NotEmpty(t, goroutines)
	profile, err := w.client().Debug().PProf(t.Context(), "profile", 1)
	require.NoError(t, err)
	defer profile.Close()
	_, err = bufio.NewReader(profile).ReadByte()
	require.NoError(t, err)
}

func testCertificateAuthority(t *testing.T, w world) {
	roots, meta, err := w.client().Agent().ConnectCARoots(nil)
	require.NoError(t, err)
	require.NotZero(t, meta.LastIndex)
	require.NotEmpty(t, roots.TrustDomain)
	require.Len(t, roots.Roots, 1)
	require.Equal(t, roots.ActiveRootID, roots.Roots[0].ID)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM([]byte(roots.Roots[0].RootCertPEM)))
	same, _, err := w.client().Connect().CARoots(nil)
	require.NoError(t, err)
	require.Equal(t, roots.ActiveRootID, same.ActiveRootID)
	for _, s := range w.servers {
		there, _, err := s.Client().Agent().ConnectCARoots(nil)
		require.NoError(t, err)
		require.Equal(t, roots.Roots[0].RootCertPEM, there.Roots[0].RootCertPEM, "one root for all servers")
	}
	// It does not change, so who waits for that waits.
	begin := time.Now()
	_, later, err := w.client().Agent().ConnectCARoots(&api.QueryOptions{WaitIndex: meta.LastIndex, WaitTime: 50 * time.Millisecond})
	require.NoError(t, err)
	require.Equal(t, meta.LastIndex, later.LastIndex)
	require.GreaterOrEqual(t, time.Since(begin), 50*time.Millisecond)

	leaf, _, err := w.client().Agent().ConnectCALeaf("web", nil)
	require.NoError(t, err)
	require.Equal(t, "web", leaf.Service)
	require.NotEmpty(t, leaf.PrivateKeyPEM)
	block, _ := pem.Decode([]byte(leaf.CertPEM))
	require.NotNil(t, block)
	cert, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	key, ok := cert.PublicKey.(*ecdsa.PublicKey)
	require.True(t, ok && key.Curve == elliptic.P256())
	require.Equal(t, "spiffe://"+roots.TrustDomain+"/ns/default/dc/dc1/svc/web", cert.URIs[0].String())
	_, err = cert.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(72*time.Hour), cert.NotAfter, 5*time.Minute)
}

// Texts that clients look for in errors.
func testErrorTexts(t *testing.T, w world) {
	client := w.client()
	elsewhere := &api.QueryOptions{Datacenter: "nowhere"}
	for _, c := range []struct {
		call func() error
		want string
	}{
		{func() error { _, _, err := client.Catalog().Nodes(elsewhere); return err }, "No path to datacenter"},
		{func() error { _, _, err := client.Health().Service("x", "", false, elsewhere); return err }, "No path to datacenter"},
		{func() error { _, _, err := client.KV().Get("x", elsewhere); return err }, "No path to datacenter"},
		{func() error { _, _, err := client.Session().Create(&api.SessionEntry{TTL: "1ms"}, nil); return err }, "Invalid Session TTL"},
		{func() error {
			_, _, err := client.KV().Acquire(&api.KVPair{Key: "texts", Session: "5f6d7c00-0000-4000-8000-000000000000"}, nil)
			return err
		}, "invalid session"},
		{func() error {
			_, err := client.KV().Put(&api.KVPair{Key: "texts", Value: make([]byte, 600<<10)}, nil)
			return err
		}, "413"},
		{func() error { _, _, err := client.ACL().TokenReadSelf(nil); return err }, "ACL support disabled"},
		{func() error { return client.Agent().PassTTL("nobody", "") }, "404"},
	} {
		require.ErrorContains(t, c.call(), c.want)
	}
	// A token is not looked at.
	_, _, err := client.KV().Get("x", &api.QueryOptions{Token: "e6a2f3d0-0000-4000-8000-000000000000"})
	require.NoError(t, err)
}
