package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/pkg/api"
)

// request is an HTTP request with the parameters that all endpoints share.
type request struct {
	*http.Request
	w    http.ResponseWriter
	name string // what follows the endpoint's prefix, unescaped
	params

	pretty      bool
	stale       bool
	maxStale    time.Duration
	consistency raft.Consistency
	cached      bool
	index       uint64
	wait        time.Duration // as asked for, 0 if not
	hash        string
}

// parse reads what all endpoints share. Errors have the kind that Consul's
// status for them asks for.
func (h *Handler) parse(w http.ResponseWriter, r *http.Request, prefix string) (*request, error) {
	q := &request{}
	return q, h.parseInto(q, w, r, prefix)
}

func (h *Handler) parseInto(q *request, w http.ResponseWriter, r *http.Request, prefix string) error {
	q.Request, q.w, q.pretty = r, w, h.cfg.AlwaysPretty
	if len(r.URL.Path) > len(prefix) {
		q.name = r.URL.Path[len(prefix):]
	}
	if r.URL.RawQuery == "" {
		if len(r.Header["X-Consul-Namespace"]) > 0 || len(r.Header["X-Consul-Partition"]) > 0 {
			return enterprise()
		}
		return nil
	}
	if err := q.params.parse(r.URL.RawQuery); err != nil {
		return errNoBody
	}
	q.pretty = q.pretty || q.has("pretty")
	if q.get("ns") != "" || q.get("partition") != "" || len(r.Header["X-Consul-Namespace"]) > 0 || len(r.Header["X-Consul-Partition"]) > 0 {
		return enterprise()
	}
	if err := q.parseConsistency(); err != nil {
		return err
	}
	if err := q.parseWait(); err != nil {
		return err
	}
	q.hash = q.get("hash")
	return nil
}

// errNoBody is an error that is answered with its status alone, as Consul does
// for a query string that cannot be read.
var errNoBody = api.E(api.Refused, "")

func enterprise() error {
	return api.E(api.Invalid, "Invalid query parameter: namespaces and partitions are a Consul Enterprise feature")
}

// datacenter returns the datacenter a request is for; empty means ours.
func (q *request) datacenter() string {
	if dc := q.get("datacenter"); dc != "" {
		return dc
	}
	return q.get("dc")
}

func (q *request) parseConsistency() error {
	q.stale = q.has("stale")
	if q.has("consistent") {
		q.consistency = raft.Consistent
	}
	q.cached = q.has("cached")
	if v := q.get("max_stale"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			return api.E(api.Invalid, "Invalid max_stale value "+strconv.Quote(v))
		}
		q.stale, q.maxStale = true, d
	}
	if q.has("leader") {
		q.stale = false
	}
	if q.stale && q.consistency == raft.Consistent {
		return api.E(api.Invalid, "Cannot specify ?stale with ?consistent, conflicting semantics.")
	}
	if q.cached && q.consistency == raft.Consistent {
		return api.E(api.Invalid, "Cannot specify ?cached with ?consistent, conflicting semantics.")
	}
	return nil
}

func (q *request) parseWait() error {
	if v := q.get("wait"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			return api.E(api.Invalid, "Invalid wait time")
		}
		q.wait = d
	}
	if v := q.get("index"); v != "" {
		i, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return api.E(api.Invalid, "Invalid index")
		}
		q.index = i
	}
	return nil
}

// cacheControl checks the request header that goes with ?cached.
func (q *request) cacheControl() error {
	for _, part := range strings.Split(q.Header.Get("Cache-Control"), ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || name != "max-age" && name != "stale-if-error" {
			continue
		}
		if n, err := strconv.ParseUint(value, 10, 32); err != nil || n > 1<<31 {
			return api.E(api.Invalid, "Invalid "+name+" in the Cache-Control header")
		}
	}
	return nil
}

// nodeMeta returns the pairs that ?node-meta=KEY:VALUE asks for.
func (q *request) nodeMeta() map[string]string {
	l := q.all("node-meta")
	if len(l) == 0 {
		return nil
	}
	m := make(map[string]string, len(l))
	for _, kv := range l {
		k, v, _ := strings.Cut(kv, ":")
		m[k] = v
	}
	return m
}

func hasMeta(meta, want map[string]string) bool {
	for k, v := range want {
		if have, ok := meta[k]; !ok || have != v {
			return false
		}
	}
	return true
}
