package api

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// endpoint is one server address, ready to be sent requests.
type endpoint struct {
	addr string // as it was configured
	base string // scheme, host and path prefix, without a slash at the end
	http *http.Client
}

// dialFunc opens a connection, as net.Dialer.DialContext does.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// openEndpoints parses the addresses. Those over TCP share one connection
// pool; each socket file has its own, as its URL has no host to tell it by.
func openEndpoints(c Config, tlsConf *tls.Config) ([]*endpoint, error) {
	dial := dialFunc(c.Dial)
	if dial == nil {
		dial = (&net.Dialer{
			Timeout: 2 * time.Second,
			// A server whose host vanished answers nothing, and long polls
			// send nothing: only probes by the kernel notice.
			KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 5 * time.Second, Count: 3},
		}).DialContext
	}
	tcp := newHTTPClient(dial, tlsConf, http.ProxyFromEnvironment)
	var list []*endpoint
	for _, addr := range c.Addresses {
		e := &endpoint{addr: addr, http: tcp}
		if path, ok := strings.CutPrefix(addr, "unix://"); ok {
			if path == "" {
				return nil, E(Invalid, fmt.Sprintf("address %q names no socket", addr))
			}
			e.base = "http://unix"
			e.http = newHTTPClient(func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dial(ctx, "unix", path)
			}, nil, nil)
		} else {
			base, err := parseAddress(addr, c.Scheme)
			if err != nil {
				return nil, err
			}
			e.base = base
		}
		list = append(list, e)
	}
	return list, nil
}

// parseAddress returns the base URL that addr stands for.
func parseAddress(addr, scheme string) (string, error) {
	bad := func(why string) (string, error) {
		return "", E(Invalid, fmt.Sprintf("address %q: %s", addr, why))
	}
	bare := !strings.Contains(addr, "://")
	if bare {
		if ip := net.ParseIP(addr); ip != nil && ip.To4() == nil {
			addr = "[" + addr + "]"
		}
		addr = scheme + "://" + addr
	}
	u, err := url.Parse(addr)
	switch {
	case err != nil:
		return bad("want host:port, http://…, https://… or unix:///…")
	case u.Scheme != "http" && u.Scheme != "https":
		return bad("scheme is none of http, https, unix")
	case u.Hostname() == "":
		return bad("no host")
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return bad("only host, port and a path are allowed")
	}
	if bare && u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), "8500")
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

func newHTTPClient(dial dialFunc, tlsConf *tls.Config, proxy func(*http.Request) (*url.URL, error)) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         dial,
			TLSClientConfig:     tlsConf,
			TLSHandshakeTimeout: 5 * time.Second,
			Proxy:               proxy,
			// Watchers share one encoded answer on the server; compressing
			// would be done for each.
			DisableCompression:  true,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     90 * time.Second,
		},
		// A redirect means that the path was not clean (a key with "//" in
		// it): following it would touch another key than the one named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
