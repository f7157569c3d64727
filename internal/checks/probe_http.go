package checks

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// bodyMax is how much of an answer is read to find its end, in bytes. It bounds
// what an endless body costs within a timeout.
const bodyMax = 8 << 20

// probeHTTP sends the request: 2xx is passing, 429 (too many requests) a
// warning, anything else critical.
func (p *prober) probeHTTP(ctx context.Context, def *api.CheckDefinition) (status, output string) {
	method := def.Method
	if method == "" {
		method = http.MethodGet
	}
	var body io.Reader
	if def.Body != "" {
		body = strings.NewReader(def.Body)
	}
	req, err := http.NewRequestWithContext(ctx, method, def.HTTP, body)
	if err != nil {
		return failed(err)
	}
	setHeader(req, def.Header)

	client := http.Client{Transport: p.roundTripper(def)}
	if def.DisableRedirects {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	resp, err := client.Do(req)
	if err != nil {
		return failed(err)
	}
	defer resp.Body.Close()
	said := tail{limit: p.limit(def)}
	if _, err := io.Copy(&said, io.LimitReader(resp.Body, bodyMax)); err != nil {
		// The status is known; a body cut short does not change it.
		p.log.Debug("check answer ended early", "url", def.HTTP, "error", err)
	}
	output = fmt.Sprintf("HTTP %s %s: %s Output: %s", method, def.HTTP, resp.Status, said.String())
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode <= 299:
		return api.Passing, output
	case resp.StatusCode == http.StatusTooManyRequests:
		return api.Warning, output
	}
	return api.Critical, output
}

// setHeader gives req the check's header fields and the usual ones it lacks.
func setHeader(req *http.Request, header map[string][]string) {
	for name, values := range header {
		for _, v := range values {
			req.Header.Add(name, v)
		}
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", UserAgent)
	}
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "text/plain, text/*, */*")
	}
}

// roundTripper returns what carries the requests of def.
func (p *prober) roundTripper(def *api.CheckDefinition) http.RoundTripper {
	switch {
	case p.http != nil:
		return p.http
	case def.TLSSkipVerify || def.TLSServerName != "":
		return p.transport(def)
	}
	return p.plain.Load()
}

// transport returns a transport that connects anew for each request: a check
// has to see whether a connection can be made, and must not fail because an
// idle one was closed. So it holds nothing that would have to be closed.
func (p *prober) transport(def *api.CheckDefinition) *http.Transport {
	var config *tls.Config
	if p.tlsBase.Load() != nil || def.TLSSkipVerify || def.TLSServerName != "" {
		config = p.tls(def)
	}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DisableKeepAlives:   true,
		ForceAttemptHTTP2:   true,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: 10 * time.Second,
	}
}
