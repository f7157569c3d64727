package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
)

// request is a call before it is sent anywhere.
type request struct {
	method string
	path   string // escaped, from /v1/ on
	params url.Values
	body   []byte
	ctype  string // of the body; empty means JSON
	// stream opens the body in place of body, for each attempt anew. It fails
	// if the body was used up and cannot be read again.
	stream func() (io.Reader, error)
	q      *QueryOptions
	// repeatable writes do no more harm when they are done twice.
	repeatable bool
	// pinned requests are about the very server that is asked.
	pinned bool
	// open leaves the body of the answer to the caller.
	open bool
	// accept says which statuses other than 2xx are answers rather than errors.
	accept func(status int) bool
}

// read reports whether the request changes nothing.
func (r *request) read() bool { return r.method == http.MethodGet }

// reply is the answer of a server.
type reply struct {
	status int
	body   []byte
	open   io.ReadCloser // instead of body, for open requests; to be closed
	meta   QueryMeta
	local  net.Addr // our end of the connection
}

// attempt is what became of sending a request to one server.
type attempt struct {
	reply *reply // nil if there was an error
	err   error  // an *Error if the server answered
	sent  bool   // the server may have seen the request
	// answered means that err is the server's own word; named, that it came
	// with a kind and thus from registryd itself, not from a proxy before it.
	answered, named bool
	status          int // of the answer, if answered
	// unsendable means that the request could not even be made.
	unsendable bool
}

// send makes one attempt at one server.
func (c *Client) send(ctx context.Context, e *endpoint, r *request) (a attempt) {
	var cancel context.CancelFunc
	attemptCtx, limit := ctx, c.timeout+r.q.waitLimit()
	if c.timeout < 0 || r.open || r.stream != nil {
		attemptCtx, cancel = context.WithCancel(ctx)
	} else {
		attemptCtx, cancel = context.WithTimeout(ctx, limit)
	}
	release := cancel
	defer func() { release() }()

	var local net.Addr
	trace := &httptrace.ClientTrace{
		// The library may take a second connection when a kept one turns out
		// closed with nothing written to it: then nothing was sent so far.
		GetConn: func(string) { a.sent = false },
		GotConn: func(i httptrace.GotConnInfo) { a.sent = true; local = i.Conn.LocalAddr() },
	}
	req, err := c.build(httptrace.WithClientTrace(attemptCtx, trace), e, r)
	if err != nil {
		a.err, a.unsendable = err, true
		return a
	}
	resp, err := e.http.Do(req)
	if err == nil && r.open && succeeded(resp.StatusCode) {
		// The context must outlive this function: it ends with the body.
		release = func() {}
		a.reply = &reply{status: resp.StatusCode, open: &openBody{resp.Body, cancel}, meta: parseMeta(resp.Header), local: local}
		return a
	}
	var body []byte
	if err == nil {
		body, err = readBody(resp)
	}
	if err != nil {
		if attemptCtx.Err() != nil && ctx.Err() == nil {
			err = fmt.Errorf("no answer within %v", limit)
		}
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		a.err = fmt.Errorf("server %s: %w", e.addr, err)
		return a
	}
	if !succeeded(resp.StatusCode) && (r.accept == nil || !r.accept(resp.StatusCode)) {
		a.answered, a.status = true, resp.StatusCode
		a.err, a.named = errorFrom(resp, body)
		return a
	}
	a.reply = &reply{status: resp.StatusCode, body: body, meta: parseMeta(resp.Header), local: local}
	return a
}

// build makes the HTTP request for one server.
func (c *Client) build(ctx context.Context, e *endpoint, r *request) (*http.Request, error) {
	params := url.Values{}
	for name, values := range r.params {
		params[name] = values
	}
	header := http.Header{"User-Agent": {"registryd-client"}}
	if c.token != "" {
		header.Set("X-Consul-Token", c.token)
	}
	if c.datacenter != "" {
		params.Set("dc", c.datacenter)
	}
	r.q.apply(params, header)

	var body io.Reader
	switch {
	case r.stream != nil:
		s, err := r.stream()
		if err != nil {
			return nil, err
		}
		body = s
	case r.body != nil:
		body = bytes.NewReader(r.body)
	}
	if body != nil {
		ctype := r.ctype
		if ctype == "" {
			ctype = "application/json"
		}
		header.Set("Content-Type", ctype)
	}
	target := e.base + r.path
	if len(params) > 0 {
		target += "?" + params.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, Wrap(Invalid, "build request", err)
	}
	req.Header = header
	if c.t.username != "" || c.t.password != "" {
		req.SetBasicAuth(c.t.username, c.t.password)
	}
	return req, nil
}

// readBody reads and closes the whole body.
func readBody(resp *http.Response) ([]byte, error) {
	defer resp.Body.Close()
	var b bytes.Buffer
	if n := resp.ContentLength; n > 0 {
		b.Grow(int(min(n, 64<<20)) + bytes.MinRead)
	}
	if _, err := b.ReadFrom(resp.Body); err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	return b.Bytes(), nil
}

// errorFrom rebuilds the error a server answered with. Named reports whether
// the server said the kind itself.
func errorFrom(resp *http.Response, body []byte) (err error, named bool) {
	name := resp.Header.Get("X-Registryd-Error")
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		return E(Invalid, "name in the path is not clean: it has an empty, \".\" or \"..\" part"), false
	}
	msg := strings.TrimSpace(string(body))
	if line, _, cut := strings.Cut(msg, "\n"); cut {
		msg = line
	}
	const longest = 1000 // a proxy may answer with a page
	if len(msg) > longest {
		msg = msg[:longest] + "…"
	}
	if msg == "" {
		msg = strings.ToLower(http.StatusText(resp.StatusCode))
	}
	if msg == "" {
		msg = fmt.Sprintf("status %d", resp.StatusCode)
	}
	return E(KindOf(name, resp.StatusCode), msg), name != ""
}

// openBody ends the request's context with the body.
type openBody struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close ends the stream; a reader that waits for more returns.
func (b *openBody) Close() error {
	b.cancel()
	return b.ReadCloser.Close()
}

// decode reads JSON into out, which may be nil.
func (r *reply) decode(out any) error {
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(r.body, out); err != nil {
		return Wrap(Internal, "server "+r.meta.Address+": unreadable answer", err)
	}
	return nil
}
