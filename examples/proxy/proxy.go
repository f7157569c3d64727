package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"time"

	"github.com/registryd/registryd/pkg/api"
	"github.com/registryd/registryd/pkg/balance"
)

// settings is what the flags say.
type settings struct {
	listen    string
	service   string
	policy    string
	zone      string
	registry  []string
	attempts  int
	slowStart time.Duration
	hedge     time.Duration
}

// proxy passes requests on to the instances of a service.
type proxy struct {
	b        *balance.Balancer
	t        *balance.Transport
	forward  *httputil.ReverseProxy
	log      *slog.Logger
	requests atomic.Int64 // all but those for the proxy itself
	failed   atomic.Int64 // answered by the proxy, since no instance did
	retries  atomic.Int64 // attempts beyond the first of a request
}

// newProxy starts to watch the service.
func newProxy(client *api.Client, s settings, log *slog.Logger) (*proxy, error) {
	policy, err := balance.ParsePolicy(s.policy)
	if err != nil {
		return nil, err
	}
	p := &proxy{log: log}
	p.b, err = balance.New(client, s.service,
		balance.WithPolicy(policy),
		balance.WithZone(balance.Zone{Name: s.zone}),
		balance.WithSlowStart(s.slowStart),
		balance.WithHook(balance.Hook{
			Ejected: func(in balance.Instance, why balance.Reason, d time.Duration) {
				log.Info("instance is out", "address", in.Addr(), "reason", string(why), "time", d)
			},
			Updated: func(n int) { log.Info("registry listed the service", "instances", n) },
		}))
	if err != nil {
		return nil, err
	}
	p.t = p.b.Transport(balance.TransportConfig{
		Attempts:       s.attempts,
		HedgeAfter:     s.hedge,
		BufferResponse: 64 << 10,
		Observe: func(a balance.Attempt) {
			if a.Number > 1 {
				p.retries.Add(1)
			}
		},
	})
	p.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", s.service
			r.SetXForwarded()
		},
		Transport:    p.t,
		ErrorHandler: p.refuse,
		ErrorLog:     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return p, nil
}

// ServeHTTP passes requests on, except those below /_proxy/.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/_proxy/status":
		p.status(w, r)
	case strings.HasPrefix(r.URL.Path, "/_proxy/"):
		http.NotFound(w, r)
	default:
		p.requests.Add(1)
		p.forward.ServeHTTP(w, r)
	}
}

// refuse answers a request that no instance answered.
func (p *proxy) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody listens any more
	}
	p.failed.Add(1)
	p.log.Warn("request failed", "path", r.URL.Path, "error", err)
	code := http.StatusBadGateway
	if errors.Is(err, api.Unavailable) {
		code = http.StatusServiceUnavailable
	}
	http.Error(w, err.Error(), code)
}

// Close ends the watch.
func (p *proxy) Close() error { return errors.Join(p.t.Close(), p.b.Close()) }

// serve runs the proxy until ctx ends.
func serve(ctx context.Context, s settings, stdout io.Writer, log *slog.Logger) error {
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	client, err := api.New(api.Config{Addresses: s.registry})
	if err != nil {
		_ = l.Close()
		return err
	}
	defer client.Close()
	p, err := newProxy(client, s, log)
	if err != nil {
		_ = l.Close()
		return err
	}
	defer p.Close()
	srv := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	fmt.Fprintf(stdout, "proxy for %s on http://%s, state on http://%s/_proxy/status\n", s.service, l.Addr(), l.Addr())
	select {
	case <-ctx.Done():
	case err := <-served:
		return err
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = srv.Shutdown(stop)
	<-served
	return err
}
