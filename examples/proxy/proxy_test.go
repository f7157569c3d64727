package main

import (
	"context"
	"encoding/json"
	"fmt"
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
	"github.com/registryd/registryd/pkg/balance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// registry lists backends, with blocking reads.
type registry struct {
	mu    sync.Mutex
	rows  []string
	index int
	news  chan struct{}
}

// row is an instance whose check has the status.
func row(s *httptest.Server, status string) string {
	host, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return fmt.Sprintf(`{"Node":{"Node":"n"},"Service":{"ID":"g-%s","Service":"greeter","Address":%q,"Port":%s},"Checks":[{"CheckID":"c","Status":%q}]}`, port, host, port, status)
}

func (r *registry) set(rows ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows = rows
	r.index++
	close(r.news)
	r.news = make(chan struct{})
}

func (r *registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q.URL.Query().Get("index") == fmt.Sprint(r.index) {
		news := r.news
		r.mu.Unlock()
		select {
		case <-news:
		case <-q.Context().Done():
		}
		r.mu.Lock()
		if q.Context().Err() != nil {
			return
		}
	}
	w.Header().Set("X-Consul-Index", fmt.Sprint(r.index))
	fmt.Fprintf(w, "[%s]", strings.Join(r.rows, ","))
}

// startProxy returns a proxy over n backends that answer with their address.
func startProxy(t *testing.T, n int, args ...string) (*proxy, *registry, []*httptest.Server) {
	r := &registry{index: 1, news: make(chan struct{})}
	srv := httptest.NewServer(r)
	var backends []*httptest.Server
	var rows []string
	for range n {
		b := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			fmt.Fprintf(w, "%s %s %s", q.Context().Value(http.LocalAddrContextKey), q.URL, q.Header.Get("X-Forwarded-Host"))
		}))
		t.Cleanup(b.Close)
		backends = append(backends, b)
		rows = append(rows, row(b, api.Passing))
	}
	r.set(rows...)
	s, err := parse(args, io.Discard)
	require.NoError(t, err)
	client, err := api.New(api.Config{Addresses: []string{"127.0.0.1:1", srv.URL}, IgnoreEnv: true})
	require.NoError(t, err)
	p, err := newProxy(client, s, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.Close())
		srv.Close()
		require.NoError(t, client.Close())
	})
	return p, r, backends
}

func do(p *proxy, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequest(method, "http://shop.example"+path, nil))
	return w
}

func TestProxySharesOut(t *testing.T) {
	for _, policy := range balance.Policies() {
		p, _, backends := startProxy(t, 3, "-policy="+policy.String())
		seen := map[string]int{}
		for range 60 {
			w := do(p, "GET", "/a?b=c")
			require.Equal(t, http.StatusOK, w.Code)
			words := strings.Fields(w.Body.String())
			require.Equal(t, []string{"/a?b=c", "shop.example"}, words[1:])
			seen[words[0]]++
		}
		require.Len(t, seen, len(backends), policy)
	}
}

func TestDeadBackendGoesUnnoticed(t *testing.T) {
	p, r, backends := startProxy(t, 3)
	require.Equal(t, http.StatusOK, do(p, "GET", "/").Code)
	backends[1].Close()
	for range 30 {
		require.Equal(t, http.StatusOK, do(p, "GET", "/").Code)
		require.Equal(t, http.StatusOK, do(p, "POST", "/").Code)
	}
	require.EqualValues(t, 1, p.retries.Load(), "it was asked once, and then no more")

	// The registry takes the next one out.
	r.set(row(backends[0], api.Passing), row(backends[1], api.Critical), row(backends[2], api.Critical))
	require.Eventually(t, func() bool {
		before := p.b.Status().Instances[2].Successes
		for range 10 {
			do(p, "GET", "/")
		}
		return p.b.Status().Instances[2].Successes == before
	}, 10*time.Second, time.Millisecond)
	require.Zero(t, p.failed.Load())
}

func TestWithoutRetriesItIsNoticed(t *testing.T) {
	p, _, backends := startProxy(t, 2, "-attempts=1")
	require.Equal(t, http.StatusOK, do(p, "GET", "/").Code)
	backends[0].Close()
	codes := map[int]int{}
	for range 10 {
		codes[do(p, "GET", "/").Code]++
	}
	require.Equal(t, map[int]int{http.StatusOK: 9, http.StatusBadGateway: 1}, codes)
}

func TestNobodyThere(t *testing.T) {
	p, r, _ := startProxy(t, 1)
	r.set()
	require.Eventually(t, func() bool { return do(p, "GET", "/").Code == http.StatusServiceUnavailable }, 10*time.Second, time.Millisecond)
	require.Contains(t, do(p, "GET", "/").Body.String(), "service greeter has no instance")
}

func TestStatusPage(t *testing.T) {
	p, _, backends := startProxy(t, 2)
	for range 10 {
		do(p, "GET", "/")
	}
	backends[0].Close()
	do(p, "GET", "/")
	do(p, "GET", "/")
	w := do(p, "GET", "/_proxy/status")
	require.Contains(t, w.Body.String(), "service greeter, policy round-robin: 12 requests, 0 failed, 1 retries")
	require.Contains(t, w.Body.String(), backends[1].Listener.Addr().String())

	w = do(p, "GET", "/_proxy/status?format=json")
	var r report
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &r))
	require.EqualValues(t, 12, r.Requests)
	require.Len(t, r.Instances, 2)
	require.EqualValues(t, 12, r.Instances[0].Successes+r.Instances[1].Successes)
	require.Positive(t, r.Instances[0].EjectedFor)
	require.Equal(t, http.StatusNotFound, do(p, "GET", "/_proxy/x").Code)
	require.EqualValues(t, 12, p.requests.Load(), "questions to the proxy do not count")
}

func TestProgram(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var out strings.Builder
	require.Zero(t, run(ctx, []string{"-listen=127.0.0.1:0", "-registry=127.0.0.1:1"}, &out, io.Discard))
	require.Contains(t, out.String(), "/_proxy/status")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-listen=" + l.Addr().String()}, 1, "address already in use"},
		{[]string{"-policy=best", "-listen=127.0.0.1:0"}, 1, `policy "best" is none of round-robin`},
		{[]string{"-service=", "-listen=127.0.0.1:0"}, 1, "service name is empty"},
		{[]string{"x"}, 2, `unexpected argument "x"`},
		{[]string{"-help"}, 0, "-policy"},
	} {
		var out strings.Builder
		require.Equal(t, c.code, run(t.Context(), c.args, io.Discard, &out), c.args)
		require.Contains(t, out.String(), c.want)
	}
}
