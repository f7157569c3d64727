package httpapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// fastPath is an endpoint that Front may answer: it looks at nothing of the
// request but its path, parameters, body and Accept-Encoding.
type fastPath struct {
	method, path string
	do           endpoint
}

// fastPaths are the endpoints of a busy registry: reads that discovery is made
// of, heartbeats, registrations. None begins another endpoint's path.
func (h *Handler) fastPaths() []fastPath {
	return []fastPath{
		{http.MethodGet, "/v1/health/service/", h.healthService},
		{http.MethodPut, "/v1/agent/check/pass/", h.checkReport("passing")},
		{http.MethodPut, "/v1/catalog/register", h.catalogRegister},
		{http.MethodPut, "/v1/agent/service/register", h.serviceRegister},
		{http.MethodPut, "/v1/agent/service/deregister/", h.serviceDeregister},
		{http.MethodPut, "/v1/kv/", h.kvPut},
		{http.MethodGet, "/v1/kv/", h.kvGet},
		{http.MethodGet, "/v1/catalog/service/", h.catalogService},
		{http.MethodGet, "/v1/catalog/services", h.catalogServices},
		{http.MethodGet, "/v1/catalog/node/", h.catalogNode},
		{http.MethodGet, "/v1/catalog/nodes", h.catalogNodes},
		{http.MethodGet, "/v1/agent/services", h.agentServices},
	}
}

// fastEndpoint returns the endpoint that answers a path here and the prefix
// its name follows; nil if there is none.
func (h *Handler) fastEndpoint(method, path string) (endpoint, string) {
	for i := range h.fast {
		e := &h.fast[i]
		if e.method != method {
			continue
		}
		if path == e.path && !strings.HasSuffix(e.path, "/") || strings.HasSuffix(e.path, "/") && len(path) > len(e.path) && strings.HasPrefix(path, e.path) {
			return e.do, e.path
		}
	}
	return nil, ""
}

// answerFast answers one request. It reports false, having sent nothing, when
// the request turns out to be one for net/http.
func (h *Handler) answerFast(c net.Conn, s *frontScratch, prefix string, do endpoint) bool {
	for _, p := range h.cfg.BlockEndpoints {
		if strings.HasPrefix(s.url.Path, p) {
			return false
		}
	}
	s.req.Method, s.req.ContentLength = s.method, int64(s.length)
	s.q = request{}
	if h.parseInto(&s.q, nil, s.req, prefix) != nil || s.q.index > 0 || s.q.hash != "" || s.q.cached {
		return false
	}
	rep, err := do(&s.q)
	if err != nil {
		if s.req.Context().Err() != nil && errors.Is(err, context.Canceled) && api.ErrorKind(err) == api.Internal {
			// It was still waiting for somebody to take it: nothing has changed.
			err = api.E(api.Unavailable, "the server is shutting down")
		}
		rep = errorReply(err)
	}
	if rep.done {
		return false
	}
	body, packed := rep.payload(&s.q)
	s.out = h.appendReply(s.out[:0], &rep, len(body), packed)
	s.send(c, body)
	return true
}

// bigBody is the size from which a body is sent from where it is instead of
// being copied behind the head.
const bigBody = 16 << 10

func (s *frontScratch) send(c net.Conn, body []byte) {
	var err error
	if len(body) < bigBody {
		s.out = append(s.out, body...)
		_, err = c.Write(s.out)
	} else {
		b := net.Buffers{s.out, body}
		_, err = b.WriteTo(c)
	}
	s.broken = err != nil
}

// appendReply writes the head of an answer whose body has the given size.
func (h *Handler) appendReply(b []byte, rep *reply, size int, packed bool) []byte {
	status := rep.status
	if status == 0 {
		status = http.StatusOK
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(append(b, ' '), http.StatusText(status)...)
	b = append(b, "\r\nVary: Accept-Encoding\r\nX-Consul-Default-Acl-Policy: "...)
	b = append(append(b, h.acl[0]...), "\r\nDate: "...)
	b = append(append(b, h.date.http()...), "\r\n"...)
	for k, v := range h.cfg.ResponseHeaders {
		b = appendHeader(b, k, v)
	}
	for k, vs := range rep.header {
		for _, v := range vs {
			b = appendHeader(b, k, v)
		}
	}
	if rep.meta != nil {
		b = rep.meta.append(b)
	}
	if packed {
		b = append(b, "Content-Encoding: gzip\r\n"...)
	}
	if rep.body != nil {
		b = appendHeader(b, "Content-Type", rep.contentType())
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(size), 10)
	return append(b, "\r\n\r\n"...)
}

func appendHeader(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// append writes the headers of a read.
func (m *meta) append(b []byte) []byte {
	b = append(b, "X-Consul-Index: "...)
	b = strconv.AppendUint(b, m.index, 10)
	b = append(b, "\r\nX-Consul-Knownleader: "...)
	b = strconv.AppendBool(b, m.known)
	b = append(b, "\r\nX-Consul-Lastcontact: "...)
	b = strconv.AppendInt(b, m.lastContact, 10)
	b = append(b, "\r\n"...)
	if m.consistency != "" {
		b = appendHeader(b, "X-Consul-Effective-Consistency", m.consistency)
	}
	if m.backend {
		b = appendHeader(b, "X-Consul-Query-Backend", backendIndex[0])
	}
	return b
}

// clock formats the time for the Date header once a second.
type clock struct{ last atomic.Pointer[stamp] }

type stamp struct {
	second int64
	text   string
}

func (c *clock) http() string {
	t := time.Now()
	if s := c.last.Load(); s != nil && s.second == t.Unix() {
		return s.text
	}
	s := &stamp{t.Unix(), t.UTC().Format(http.TimeFormat)}
	c.last.Store(s)
	return s.text
}
