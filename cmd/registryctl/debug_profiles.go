package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// collectProfiles adds the profiles of the server at addr. They are not part
// of the API, so this asks for them directly.
func collectProfiles(ctx context.Context, conn *connection, addr string, d time.Duration, b *bundle) {
	p, err := newProfiler(conn, addr)
	if err != nil {
		b.put("pprof", nil, err)
		return
	}
	defer p.http.CloseIdleConnections()
	heap, err := p.get(ctx, "heap")
	if errors.Is(err, errNoProfiles) {
		b.put("pprof", nil, err)
		return
	}
	b.put("pprof/heap.prof", heap, err)
	seconds := max(int(d/time.Second), 1)
	var tasks sync.WaitGroup
	for file, path := range map[string]string{
		"goroutines.txt": "goroutine?debug=2",
		"cpu.prof":       fmt.Sprintf("profile?seconds=%d", seconds),
		"trace.out":      fmt.Sprintf("trace?seconds=%d", min(seconds, 5)),
	} {
		tasks.Go(func() {
			data, err := p.get(ctx, path)
			b.put("pprof/"+file, data, err)
		})
	}
	tasks.Wait()
}

// errNoProfiles says that the server offers none.
var errNoProfiles = errors.New("the server has no enable_debug")

// profiler reads profiles from a server.
type profiler struct {
	base  string
	token string
	http  *http.Client
}

func newProfiler(conn *connection, addr string) (*profiler, error) {
	transport := &http.Transport{}
	p := &profiler{base: addr, token: cmp.Or(conn.token, os.Getenv("CONSUL_HTTP_TOKEN")), http: &http.Client{Transport: transport}}
	switch {
	case strings.HasPrefix(addr, "unix://"):
		p.base = "http://unix"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", strings.TrimPrefix(addr, "unix://"))
		}
	case strings.HasPrefix(addr, "https://"):
		return nil, errors.New("profiles are read over plain HTTP only: give such an address of the server, or its socket")
	case !strings.HasPrefix(addr, "http://"):
		if _, _, err := net.SplitHostPort(addr); err != nil {
			addr = net.JoinHostPort(strings.Trim(addr, "[]"), "8500")
		}
		p.base = "http://" + addr
	}
	return p, nil
}

func (p *profiler) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(p.base, "/")+"/debug/pprof/"+path, nil)
	if err != nil {
		return nil, err
	}
	if p.token != "" {
		req.Header.Set("X-Consul-Token", p.token)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, errNoProfiles
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("server answers %s", resp.Status)
	}
	return io.ReadAll(resp.Body)
}
