package server

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// fileServer is a server whose configuration file changes, while it runs and
// while it does not.
type fileServer struct {
	t        *testing.T
	dir      string
	settings []config.Setting
	log      lockedBuilder

	*Server
}

type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newFileServer makes a server that is not started yet. Settings are pairs of
// key and value.
func newFileServer(t *testing.T, settings ...string) *fileServer {
	f := &fileServer{t: t, dir: t.TempDir()}
	f.set("server", "true", "data_dir", filepath.Join(f.dir, "data"), "node_name", "one", "bind_addr", "127.0.0.1",
		"ports.http", "0", "ports.server", "0", "ports.serf_lan", "-1", "ports.dns", "-1")
	f.set(settings...)
	t.Cleanup(f.stop)
	return f
}

func (f *fileServer) set(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		f.settings = append(f.settings, config.Setting{Key: pairs[i], Value: pairs[i+1], Origin: "test"})
	}
}

// file writes the configuration file.
func (f *fileServer) file(text string) {
	require.NoError(f.t, os.WriteFile(filepath.Join(f.dir, "f.hcl"), []byte(text), 0o600))
}

func (f *fileServer) start() {
	f.t.Helper()
	load := func() (*config.Config, error) {
		return config.Load(config.Sources{Settings: f.settings, Paths: []string{f.dir}})
	}
	cfg, err := load()
	require.NoError(f.t, err)
	f.Server, err = Open(cfg, Options{Reload: load, LogOutput: &f.log})
	require.NoError(f.t, err)
}

func (f *fileServer) stop() {
	if f.Server != nil {
		require.NoError(f.t, f.Server.Close())
		f.Server = nil
	}
}

// settled waits until all that the file says has been tried and nothing of it
// is left to do.
func (f *fileServer) settled() {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return f.Reload() == nil }, waitLong, waitStep)
}

func (f *fileServer) node() *store.NodeView { return f.registry.OwnNode(f.registry.State()) }

func (f *fileServer) has(service string) bool {
	n := f.node()
	return n != nil && n.Instance(service) != nil
}

func (f *fileServer) requireChecks(want ...string) {
	f.t.Helper()
	var got []string
	for _, c := range f.node().Checks {
		if c.CheckID != api.SerfHealth {
			got = append(got, c.CheckID)
		}
	}
	require.ElementsMatch(f.t, want, got)
}

const fileWeb = `service { name = "web", check { ttl = "1h" } }
	`

// Maintenance and what came over the API stay with a service of a file, while
// checks that go from the file go from the catalog.
func TestReloadTakesAwayOnlyWhatCameFromFiles(t *testing.T) {
	f := newFileServer(t, "bootstrap", "true")
	f.file(`service { name = "web", checks = [{ ttl = "1h" }, { id = "deep", ttl = "1h" }] }
		check { name = "disk", ttl = "1h" }`)
	f.start()
	f.settled()
	ctx := context.Background()
	ttl := api.CheckDefinition{TTL: api.Duration(time.Hour)}
	require.NoError(t, f.registry.SetServiceMaintenance(ctx, "web", true, ""))
	require.NoError(t, f.registry.RegisterCheck(ctx, &api.CheckRegistration{Name: "extra", ServiceID: "web", CheckDefinition: ttl}))
	require.NoError(t, f.registry.RegisterCheck(ctx, &api.CheckRegistration{Name: "own", CheckDefinition: ttl}))
	all := []string{"service:web:1", "deep", "disk", "_service_maintenance:web", "extra", "own"}

	require.NoError(t, f.Reload())
	f.requireChecks(all...)
	f.stop()
	f.start()
	f.settled()
	f.requireChecks(all...)

	f.file(fileWeb)
	require.NoError(t, f.Reload())
	f.requireChecks("service:web", "_service_maintenance:web", "extra", "own")
}

// What goes from the files goes from the catalog, also while the server is down.
func TestDefinitionsThatWentWhileTheServerWasDown(t *testing.T) {
	f := newFileServer(t, "bootstrap", "true")
	f.file(fileWeb + `service { name = "db", port = 1, check { id = "alive", ttl = "1h" } }
		service { name = "cache" }
		check { name = "disk", ttl = "1h" }`)
	f.start()
	f.settled()
	ctx := context.Background()
	require.NoError(t, f.registry.RegisterService(ctx, &api.ServiceRegistration{Name: "api"}, false))
	// Somebody else has taken the ID.
	require.NoError(t, f.registry.RegisterService(ctx, &api.ServiceRegistration{ID: "cache", Name: "store"}, false))
	f.stop()

	f.file(fileWeb)
	f.start()
	require.Eventually(t, func() bool { return f.has("web") && !f.has("db") && f.node().Check("disk") == nil }, waitLong, waitStep)
	require.True(t, f.has("api"))
	require.True(t, f.has("cache"))
	f.requireChecks("service:web")

	f.file("")
	require.NoError(t, f.Reload())
	require.False(t, f.has("web"))
	text, err := os.ReadFile(filepath.Join(f.dir, "data", localKeptFile))
	require.NoError(t, err)
	require.JSONEq(t, `{"Services": {}, "Checks": {}}`, string(text))
}

// What can never be registered is said once, with its place, and hinders
// nothing else: not by being tried for ever, nor by ending the trying.
func TestRefusedDefinitionsAreGivenUp(t *testing.T) {
	f := newFileServer(t, "bootstrap", "true")
	f.file(`service { name = "script", check { args = ["true"], interval = "1s" } }
		check { name = "lost", service_id = "nothing", ttl = "1h" }
		` + fileWeb)
	f.start()
	refusals := func() int { return strings.Count(f.log.String(), "a definition in the configuration files is refused") }
	require.Eventually(t, func() bool { return refusals() == 2 && f.has("web") }, waitLong, waitStep)
	require.Contains(t, f.log.String(), filepath.Join(f.dir, "f.hcl")+":1")
	require.Contains(t, f.log.String(), filepath.Join(f.dir, "f.hcl")+":2")
	require.Eventually(t, func() bool { return f.node().Check("service:web") != nil }, waitLong, waitStep)

	require.NoError(t, f.registry.DeregisterService(context.Background(), "web"))
	require.Never(t, func() bool { return f.has("web") }, 5*localRetry, localRetry)
	require.Equal(t, 2, refusals())

	err := f.Reload()
	require.ErrorContains(t, err, "service script: Scripts are disabled")
	require.ErrorContains(t, err, `check lost: ServiceID "nothing" does not exist`)
	require.NotContains(t, err.Error(), "\n")
	require.True(t, f.has("web"))
	require.Equal(t, 4, refusals())

	kept := openLocalKept(filepath.Join(f.dir, "data"), f.Logger())
	require.Len(t, kept.Services, 1, "what was refused is not kept")
	require.Len(t, kept.Checks, 1)
}

// A service whose new definition is refused stays as it was.
func TestRefusedChangeLeavesTheOldDefinition(t *testing.T) {
	f := newFileServer(t, "bootstrap", "true")
	f.file(fileWeb)
	f.start()
	f.settled()
	f.file(`service { name = "web", check { id = "run", args = ["true"], interval = "1s" } }`)
	require.Error(t, f.Reload())
	f.requireChecks("service:web")
	f.file("")
	require.NoError(t, f.Reload())
	f.requireChecks()
	require.False(t, f.has("web"))
}

// Without a cluster everything waits, whatever else is wrong with the file, and
// so does what has gone from it.
func TestDefinitionsWaitForTheCluster(t *testing.T) {
	quick := []string{"bootstrap_expect", "2", "performance.rpc_hold_timeout", "100ms"}
	one, two := newFileServer(t, quick...), newFileServer(t, quick...)
	one.file(`service { name = "script", check { args = ["true"], interval = "1s" } }
		` + fileWeb + `check { name = "deep", service_id = "web", ttl = "1h" }`)
	one.start()
	waits := func() int { return strings.Count(one.log.String(), "wait for the cluster") }
	require.Eventually(t, func() bool { return waits() == 1 }, waitLong, waitStep)
	two.set("node_name", "two", "retry_join", one.advertise)
	two.start()
	require.Eventually(t, func() bool { return one.has("web") && one.node().Check("deep") != nil }, waitLong, waitStep)
	require.False(t, one.has("script"))

	two.set("ports.server", two.advertise[strings.LastIndex(two.advertise, ":")+1:])
	two.stop()
	one.file("")
	require.Error(t, one.Reload())
	require.True(t, one.has("web"))
	two.start()
	require.Eventually(t, func() bool { return !one.has("web") }, waitLong, waitStep)
	require.Equal(t, 2, waits())
}

func TestDamagedKeptFile(t *testing.T) {
	f := newFileServer(t, "bootstrap", "true")
	require.NoError(t, os.MkdirAll(filepath.Join(f.dir, "data"), 0o700))
	path := filepath.Join(f.dir, "data", localKeptFile)
	require.NoError(t, os.WriteFile(path, []byte(`{"Services": {"web": {}}, "Che`), 0o600))
	f.file(fileWeb)
	f.start()
	f.settled()
	require.Contains(t, f.log.String(), path)
	require.True(t, f.has("web"))
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, json.Valid(text))
}

// A reload warns of what it brought, and only of that.
func TestReloadWarns(t *testing.T) {
	f := newFileServer(t, "bootstrap", "true")
	f.file(fileWeb + fileWeb)
	f.start()
	f.settled()
	f.file(fileWeb + fileWeb + `service { name = "db" }
		service { name = "db" }`)
	require.NoError(t, f.Reload())
	require.Equal(t, 1, strings.Count(f.log.String(), `service "web" is defined`))
	require.Equal(t, 1, strings.Count(f.log.String(), `service "db" is defined`))
}
