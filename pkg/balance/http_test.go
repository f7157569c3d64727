package balance

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

// backend is an HTTP server that can be killed and started again at the same
// address.
type backend struct {
	t    *testing.T
	id   string
	addr string
	srv  *http.Server
	done chan struct{}
}

func (s *backend) start() {
	l, err := net.Listen("tcp", s.addr)
	require.NoError(s.t, err)
	s.addr = l.Addr().String()
	s.srv = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, "%s %s %s%s", r.Host, r.Method, r.URL, body)
	})}
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		_ = s.srv.Serve(l)
	}()
}

// kill cuts all connections.
func (s *backend) kill() {
	_ = s.srv.Close()
	<-s.done
}

func (s *backend) entry() *api.Entry {
	return entry(s.id, func(x *api.Entry) {
		addr := s.addr
		host, port, err := net.SplitHostPort(addr)
		require.NoError(s.t, err)
		x.Service.Address = host
		_, err = fmt.Sscan(port, &x.Service.Port)
		require.NoError(s.t, err)
	})
}

func startBackends(t *testing.T, n int) ([]*backend, *fakeRegistry) {
	r := newFakeRegistry()
	var list []*backend
	for i := range n {
		s := &backend{t: t, id: fmt.Sprint(i), addr: "127.0.0.1:0"}
		s.start()
		t.Cleanup(s.kill)
		list = append(list, s)
		r.entries = append(r.entries, s.entry())
	}
	return list, r
}

// Servers are killed and started again under load, and the registry never
// learns of it: no repeatable request may fail.
func TestNoRequestFailsWhenServersAreKilled(t *testing.T) {
	backends, r := startBackends(t, 3)
	for _, p := range Policies() {
		t.Run(p.String(), func(t *testing.T) {
			d := newDirectory(r)
			tr := d.Transport(TransportConfig{BufferResponse: 1 << 16, Budget: Budget{Burst: 1000}}, WithPolicy(p), WithEjection(Ejection{Base: 20 * time.Millisecond}))
			client := &http.Client{Transport: tr, Timeout: 10 * time.Second}
			var stop atomic.Bool
			var failed, sent atomic.Int64
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for !stop.Load() {
						req, err := http.NewRequest("PUT", "http://web/x", bytes.NewReader([]byte("-body")))
						if err == nil {
							err = expect(client, req, "web PUT /x-body")
						}
						sent.Add(1)
						if err != nil {
							t.Log(err)
							failed.Add(1)
						}
					}
				})
			}
			for round := range 6 {
				before := sent.Load()
				s := backends[round%len(backends)]
				s.kill()
				require.Eventually(t, func() bool { return sent.Load() > before+50 }, 10*time.Second, time.Millisecond)
				s.start()
				require.Eventually(t, func() bool { return sent.Load() > before+100 }, 10*time.Second, time.Millisecond)
			}
			stop.Store(true)
			wg.Wait()
			require.Zero(t, failed.Load())
			require.NoError(t, tr.Close())
		})
	}
}

func expect(client *http.Client, req *http.Request, want string) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil && string(b) != want {
		err = fmt.Errorf("answer %d %q", resp.StatusCode, b)
	}
	return err
}

// As the transport of a reverse proxy: bodies pass in both directions, and a
// dead instance goes unnoticed even by POST, as nothing was sent to it.
func TestBehindReverseProxy(t *testing.T) {
	backends, r := startBackends(t, 2)
	backends[0].kill()
	defer backends[0].start()
	b := openOn(t, r)
	tr := b.Transport(TransportConfig{})
	defer tr.Close()
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.Out.URL.Scheme, p.Out.URL.Host = "http", "any" },
		Transport: tr,
	})
	defer proxy.Close()
	big := bytes.Repeat([]byte("0123456789"), 50_000)
	for range 4 {
		req, err := http.NewRequest("POST", proxy.URL+"/up", io.MultiReader(bytes.NewReader(big)))
		require.NoError(t, err)
		req.Host = "greeter"
		require.NoError(t, expect(proxy.Client(), req, "greeter POST /up"+string(big)))
	}
	for _, in := range b.Status().Instances {
		require.Equal(t, in.ID == "1", in.EjectedFor == 0)
		require.Zero(t, in.Outstanding)
	}
}

// A connection that changed its protocol stays writable.
func TestUpgradedConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	echo := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		line, _ := rw.ReadString('\n')
		_, _ = conn.Write([]byte("echo " + line))
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = echo.Serve(l)
	}()
	defer func() {
		_ = echo.Close()
		<-served
	}()
	s := &backend{t: t, id: "e", addr: l.Addr().String()}
	b := openOn(t, newFakeRegistry(s.entry()))
	tr := b.Transport(TransportConfig{BufferResponse: 1000})
	defer tr.Close()
	req, err := http.NewRequest("GET", "http://web/", nil)
	require.NoError(t, err)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	resp, err := tr.RoundTrip(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	_, err = resp.Body.(io.Writer).Write([]byte("hello\n"))
	require.NoError(t, err)
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "echo hello\n", string(got))
	require.NoError(t, resp.Body.Close())
	require.Zero(t, b.Status().Instances[0].Outstanding)
}
