package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// local is a Consensus of one server: a proposal is applied at once, and reads
// are noted. What the door's tests do not need is not there.
type local struct {
	registry.Consensus
	st *store.Store

	mu        sync.Mutex
	index     uint64
	asked     []raft.Consistency // of each read that asked the leader
	failing   error              // of those reads
	staleness time.Duration
}

func (l *local) Apply(_ context.Context, cmd []byte) ([]byte, uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.index++
	out := l.st.ApplyBatch([]store.Entry{{Index: l.index, Term: 1, Time: time.Now(), Data: cmd}})
	return out[0], l.index, nil
}

func (l *local) ReadIndex(_ context.Context, c raft.Consistency) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, c)
	return l.failing
}

// CallLeader knows of no session: their deadlines are kept by leaders.
func (l *local) CallLeader(context.Context, string, []byte) ([]byte, error) {
	return nil, api.E(api.NotFound, "there is none")
}

func (l *local) Leader() (addr, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing != nil {
		return "", ""
	}
	return "127.0.0.1:1", "id-1"
}

func (l *local) LastContact() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.staleness
}

// reads returns how many reads asked the leader since the last call, and with
// which consistency the last did.
func (l *local) reads() (n int, last raft.Consistency) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n = len(l.asked); n > 0 {
		last = l.asked[n-1]
	}
	l.asked = nil
	return n, last
}

// fail makes further reads fail, or succeed again with nil.
func (l *local) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing = err
}

// testDoor is a door over a store of its own.
type testDoor struct {
	*Handler
	t    testing.TB
	cons *local
}

func open(t testing.TB, cfg Config) *testDoor {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "registry.db"))
	require.NoError(t, err)
	cons := &local{st: st}
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.Registry = registry.New(registry.Config{Name: "s1", ID: "id-1", Datacenter: "dc1", Logger: cfg.Logger}, st, cons)
	d := &testDoor{Handler: New(cfg), t: t, cons: cons}
	t.Cleanup(func() {
		d.Close()
		cfg.Registry.Close()
		require.NoError(t, st.Close())
	})
	return d
}

// register puts a service instance, with its checks, on a node.
func (d *testDoor) register(node string, meta map[string]string, s *api.Service, checks ...*api.Check) {
	d.t.Helper()
	reg := &api.CatalogRegistration{Node: node, Address: "10.0.0.1", NodeMeta: meta, Service: s, Checks: checks}
	require.NoError(d.t, d.reg.RegisterCatalog(context.Background(), reg))
}

// do sends a request; extra are pairs of a header and its value.
func (d *testDoor) do(method, target, body string, extra ...string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(extra); i += 2 {
		r.Header.Add(extra[i], extra[i+1])
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

// get reads JSON into a value.
func (d *testDoor) get(target string, into any) {
	d.t.Helper()
	w := d.do(http.MethodGet, target, "")
	require.Equal(d.t, http.StatusOK, w.Code, "%s: %s", target, w.Body)
	require.NoError(d.t, json.Unmarshal(w.Body.Bytes(), into), target)
}
