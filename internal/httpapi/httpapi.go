// Package httpapi is the REST door: it maps Consul's HTTP API to operations of
// the registry. An endpoint is a function from a request to a reply or an
// error; one wrapper parses what all share, writes the answer, and turns
// errors into a status and one line of text.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/pkg/api"
)

// Config is what the door needs to know of its server.
type Config struct {
	Registry *registry.Registry
	Agent    Agent
	Logger   *slog.Logger
	// AlwaysPretty indents all JSON, as a development server does.
	AlwaysPretty bool
	// DefaultWait and MaxWait bound blocking queries; 0 means 5 and 10 minutes.
	DefaultWait, MaxWait time.Duration
	// MaxValue bounds the value of a key and MaxTxn the body of a transaction,
	// in bytes; 0 means 512 KiB.
	MaxValue, MaxTxn int64
	// ResponseHeaders are added to every answer.
	ResponseHeaders map[string]string
	// BlockEndpoints are path prefixes answered 403.
	BlockEndpoints []string
	// Debug serves /debug/pprof.
	Debug bool
}

// Handler serves the API. Safe for concurrent use.
type Handler struct {
	cfg    Config
	reg    *registry.Registry
	agent  Agent
	log    *slog.Logger
	mux    *chi.Mux
	stop   context.Context // ends when the server shuts down: wakes long polls
	cancel context.CancelFunc

	fast      []fastPath
	date      clock
	acl       []string // the value of X-Consul-Default-ACL-Policy
	agentSeen seenQueries
}

// New returns the door of a registry. Close wakes its long polls.
func New(cfg Config) *Handler {
	h := &Handler{cfg: cfg, reg: cfg.Registry, agent: cfg.Agent, log: cfg.Logger, mux: chi.NewMux(), acl: []string{"allow"}}
	h.stop, h.cancel = context.WithCancel(context.Background())
	if h.cfg.DefaultWait == 0 {
		h.cfg.DefaultWait = 5 * time.Minute
	}
	if h.cfg.MaxWait == 0 {
		h.cfg.MaxWait = 10 * time.Minute
	}
	if h.cfg.MaxValue == 0 {
		h.cfg.MaxValue = 512 << 10
	}
	if h.cfg.MaxTxn == 0 {
		h.cfg.MaxTxn = 512 << 10
	}
	h.routes()
	h.fast = h.fastPaths()
	return h
}

// Close lets waiting requests answer at once, so that a server can stop.
func (h *Handler) Close() { h.cancel() }

// endpoint answers one method of a path.
type endpoint func(*request) (reply, error)

// methods are the endpoints of a path, by method, in the order that Allow
// names them.
type methods []method

type method struct {
	name string
	do   endpoint
}

func get(e endpoint) method  { return method{http.MethodGet, e} }
func put(e endpoint) method  { return method{http.MethodPut, e} }
func post(e endpoint) method { return method{http.MethodPost, e} }
func del(e endpoint) method  { return method{http.MethodDelete, e} }

// handle serves a path. One that ends in a slash takes everything below it as
// a name, and redirects its form without the slash.
func (h *Handler) handle(p string, ms ...method) {
	allow := "OPTIONS"
	for _, m := range ms {
		allow += "," + m.name
	}
	serve := func(w http.ResponseWriter, r *http.Request) { h.serve(w, r, p, ms, allow) }
	if strings.HasSuffix(p, "/") {
		h.mux.HandleFunc(p+"*", serve)
		h.mux.HandleFunc(strings.TrimSuffix(p, "/"), func(w http.ResponseWriter, r *http.Request) {
			redirect(w, r, p)
		})
		return
	}
	h.mux.HandleFunc(p, serve)
}

// ServeHTTP answers one request. A panic of an endpoint answers 500 and is
// logged; the server lives.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			h.log.Error("request panicked", "method", r.Method, "path", r.URL.Path, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			http.Error(w, "internal error: the request could not be carried out", http.StatusInternalServerError)
		}
	}()
	if odd(r.URL.Path) {
		if strings.ContainsFunc(r.URL.Path, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if clean := cleanPath(r.URL.Path); clean != r.URL.Path {
			redirect(w, r, clean)
			return
		}
	}
	for _, p := range h.cfg.BlockEndpoints {
		if strings.HasPrefix(r.URL.Path, p) {
			http.Error(w, "Endpoint is blocked by agent configuration", http.StatusForbidden)
			return
		}
	}
	h.mux.ServeHTTP(w, r)
}

// odd reports whether a path needs a closer look; nearly none does.
func odd(p string) bool {
	for i := 0; i < len(p); i++ {
		c := p[i]
		if c < ' ' || c == 0x7f || c == '/' && i+1 < len(p) && (p[i+1] == '/' || p[i+1] == '.') {
			return true
		}
	}
	return false
}

func cleanPath(p string) string {
	c := path.Clean(p)
	if strings.HasSuffix(p, "/") && c != "/" {
		c += "/"
	}
	return c
}

func redirect(w http.ResponseWriter, r *http.Request, to string) {
	u := *r.URL
	u.Path, u.RawPath = to, ""
	http.Redirect(w, r, u.RequestURI(), http.StatusTemporaryRedirect)
}

// vary is shared by all answers; net/http only reads it.
var vary = []string{"Accept-Encoding"}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, prefix string, ms methods, allow string) {
	head := w.Header()
	head["Vary"] = vary
	head["X-Consul-Default-Acl-Policy"] = h.acl
	for k, v := range h.cfg.ResponseHeaders {
		head.Set(k, v)
	}
	if r.Method == http.MethodOptions {
		head.Set("Allow", allow)
		return
	}
	for _, m := range ms {
		if m.name == r.Method {
			h.answer(w, r, prefix, m.do)
			return
		}
	}
	head.Set("Allow", allow)
	writeError(w, api.E(api.MethodNotAllowed, "method "+r.Method+" not allowed"))
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, prefix string, do endpoint) {
	q, err := h.parse(w, r, prefix)
	if err != nil {
		writeError(w, err)
		return
	}
	rep, err := do(q)
	switch {
	case err == nil:
		h.write(w, q, rep)
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		// The client went away; nobody reads the answer.
		panic(http.ErrAbortHandler)
	default:
		writeError(w, err)
	}
}
