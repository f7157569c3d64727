package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/registryd/registryd/pkg/api"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

// agent takes registrations, or refuses them as one without a leader.
type agent struct {
	mu       sync.Mutex
	refuse   int // so many at first
	services map[string]*api.ServiceRegistration
}

func (a *agent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch path := r.URL.Path; {
	case path == "/v1/agent/service/register" && a.refuse > 0:
		a.refuse--
		http.Error(w, "not ready", http.StatusServiceUnavailable)
	case path == "/v1/agent/service/register":
		var s api.ServiceRegistration
		if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		a.services[s.ID] = &s
	case strings.HasPrefix(path, "/v1/agent/service/deregister/"):
		delete(a.services, strings.TrimPrefix(path, "/v1/agent/service/deregister/"))
	default:
		http.NotFound(w, r)
	}
}

func (a *agent) get(id string) *api.ServiceRegistration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.services[id]
}

func TestGreeterRegistersAndDeregisters(t *testing.T) {
	for _, c := range []struct {
		name   string
		listen string
		refuse int
	}{
		{"one address", "127.0.0.1:0", 0},
		{"any address", ":0", 0},
		{"registry comes late", "127.0.0.1:0", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &agent{refuse: c.refuse, services: map[string]*api.ServiceRegistration{}}
			registry := httptest.NewServer(a)
			defer registry.Close()
			s, err := parse([]string{"-listen=" + c.listen, "-registry=" + registry.URL, "-id=me", "-zone=z", "-tag=a,b", "-weight=3", "-grace=10ms"}, io.Discard)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- serve(ctx, s, slog.New(slog.DiscardHandler)) }()
			require.Eventually(t, func() bool { return a.get("me") != nil }, 20*time.Second, time.Millisecond)

			reg := a.get("me")
			require.Equal(t, "greeter", reg.Name)
			require.Equal(t, "127.0.0.1", reg.Address)
			require.Equal(t, []string{"a", "b"}, reg.Tags)
			require.Equal(t, map[string]string{"zone": "z"}, reg.Meta)
			require.Equal(t, 3, reg.Weights.Passing)
			for url, want := range map[string]string{
				reg.Check.HTTP: "ok\n",
				strings.Replace(reg.Check.HTTP, "/health", "/?name=Ada", 1): "Hello, Ada! This is me.\n",
				strings.Replace(reg.Check.HTTP, "/health", "/any", 1):       "Hello, world! This is me.\n",
			} {
				resp, err := http.Get(url)
				require.NoError(t, err)
				text, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				require.Equal(t, want, string(text))
			}
			cancel()
			require.NoError(t, <-done)
			require.Nil(t, a.get("me"), "it deregistered")
		})
	}
}

func TestGreeterStopsBeforeTheRegistryAnswers(t *testing.T) {
	s := settings{listen: "127.0.0.1:0", name: "g", registry: []string{"127.0.0.1:1"}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.NoError(t, serve(ctx, s, slog.New(slog.DiscardHandler)))
}

func TestGreeterNamesWhatIsWrong(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-listen=" + l.Addr().String()}, 1, "address already in use"},
		{[]string{"-registry=ftp://x"}, 1, "scheme"},
		{[]string{"-nonsense"}, 2, "not defined"},
		{[]string{"x"}, 2, `unexpected argument "x"`},
		{[]string{"-help"}, 0, "-registry"},
	} {
		var out strings.Builder
		require.Equal(t, c.code, run(t.Context(), c.args, &out), c.args)
		require.Contains(t, out.String(), c.want)
	}
}
