package httpapi

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/registryd/registryd/pkg/api"
)

// gzipMin is the size in bytes from which an answer is compressed when the
// client takes that: Consul's, about what fits one packet.
const gzipMin = 1400

// encoded is an answer's body with its compressed form, made when first asked
// for. Shared by all who get the same answer; frozen.
type encoded struct {
	plain  []byte
	once   sync.Once
	packed []byte
}

func encode(b []byte) *encoded {
	return &encoded{plain: b}
}

func (e *encoded) gzip() []byte {
	e.once.Do(func() {
		var buf bytes.Buffer
		z, _ := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
		z.Write(e.plain)
		z.Close()
		e.packed = buf.Bytes()
	})
	return e.packed
}

// reply is what an endpoint answers. The zero value is 200 with no body.
type reply struct {
	status int      // 0 means 200
	body   *encoded // nil: none
	kind   string   // Content-Type; empty means JSON
	meta   *meta    // nil: none of the headers of reads
	header http.Header
	// done means the endpoint has written the answer itself.
	done bool
}

// meta are the headers of a read.
type meta struct {
	index       uint64
	known       bool
	lastContact int64  // milliseconds
	consistency string // empty: not said
	backend     bool   // whether X-Consul-Query-Backend is said
}

var (
	typeJSON     = []string{"application/json"}
	yes, no      = []string{"true"}, []string{"false"}
	zero         = []string{"0"}
	modeLeader   = []string{"leader"}
	modeStale    = []string{"stale"}
	modeConsist  = []string{"consistent"}
	backendIndex = []string{"blocking-query"}
)

func (m *meta) write(h http.Header) {
	h["X-Consul-Index"] = []string{strconv.FormatUint(m.index, 10)}
	h["X-Consul-Knownleader"] = no
	if m.known {
		h["X-Consul-Knownleader"] = yes
	}
	h["X-Consul-Lastcontact"] = zero
	if m.lastContact != 0 {
		h["X-Consul-Lastcontact"] = []string{strconv.FormatInt(m.lastContact, 10)}
	}
	switch m.consistency {
	case "leader":
		h["X-Consul-Effective-Consistency"] = modeLeader
	case "stale":
		h["X-Consul-Effective-Consistency"] = modeStale
	case "consistent":
		h["X-Consul-Effective-Consistency"] = modeConsist
	}
	if m.backend {
		h["X-Consul-Query-Backend"] = backendIndex
	}
}

// write sends a reply.
func (h *Handler) write(w http.ResponseWriter, q *request, r reply) {
	if r.done {
		return
	}
	head := w.Header()
	for k, v := range r.header {
		head[k] = v
	}
	if r.meta != nil {
		r.meta.write(head)
	}
	if r.body == nil {
		if r.status != 0 {
			w.WriteHeader(r.status)
		}
		return
	}
	body, packed := r.payload(q)
	head["Content-Type"] = typeJSON
	if r.kind != "" {
		head["Content-Type"] = []string{r.kind}
	}
	if packed {
		head["Content-Encoding"] = []string{"gzip"}
	}
	head["Content-Length"] = []string{strconv.Itoa(len(body))}
	if r.status != 0 {
		w.WriteHeader(r.status)
	}
	w.Write(body)
}

func (r *reply) contentType() string {
	if r.kind != "" {
		return r.kind
	}
	return typeJSON[0]
}

// payload returns the bytes that a request is answered with, and whether they
// are compressed.
func (r *reply) payload(q *request) (body []byte, packed bool) {
	if r.body == nil {
		return nil, false
	}
	e := r.body
	if q.pretty && r.kind == "" {
		e = encode(indent(e.plain))
	}
	if len(e.plain) >= gzipMin && acceptsGzip(q.Header) {
		return e.gzip(), true
	}
	return e.plain, false
}

func indent(b []byte) []byte {
	var buf bytes.Buffer
	if json.Indent(&buf, b, "", "    ") != nil {
		return b
	}
	buf.WriteByte('\n')
	return buf.Bytes()
}

func acceptsGzip(h http.Header) bool {
	v := h["Accept-Encoding"]
	return len(v) > 0 && strings.Contains(v[0], "gzip")
}

// jsonReply answers 200 with v as JSON.
func jsonReply(v any) (reply, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return reply{}, api.Wrap(api.Internal, "encode the answer", err)
	}
	return reply{body: encode(b)}, nil
}

// text answers with plain text.
func text(status int, s string) reply {
	return reply{status: status, body: encode([]byte(s)), kind: "text/plain"}
}

var trueBody = encode([]byte("true"))

// errorReply is what an error is answered with: its status and one line.
func errorReply(err error) reply {
	kind := api.ErrorKind(err)
	if err == errNoBody {
		return reply{status: kind.Status()}
	}
	r := text(kind.Status(), strings.ReplaceAll(err.Error(), "\n", " "))
	r.kind = "text/plain; charset=utf-8"
	r.header = http.Header{"X-Registryd-Error": {kind.String()}}
	return r
}

// writeError answers with an error.
func writeError(w http.ResponseWriter, err error) {
	r := errorReply(err)
	h := w.Header()
	for k, v := range r.header {
		h[k] = v
	}
	h.Del("Content-Length")
	if r.body == nil {
		w.WriteHeader(r.status)
		return
	}
	h["Content-Type"] = []string{r.kind}
	w.WriteHeader(r.status)
	w.Write(r.body.plain)
}
