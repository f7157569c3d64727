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
	length []string // value of Content-Length
	once   sync.Once
	packed []byte
}

func encode(b []byte) *encoded {
	return &encoded{plain: b, length: []string{strconv.Itoa(len(b))}}
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
	e := r.body
	head["Content-Type"] = typeJSON
	if r.kind != "" {
		head["Content-Type"] = []string{r.kind}
	} else if q.pretty {
		e = encode(indent(e.plain))
	}
	body := e.plain
	if len(body) >= gzipMin && acceptsGzip(q.Header) {
		body = e.gzip()
		head["Content-Encoding"] = []string{"gzip"}
		head["Content-Length"] = []string{strconv.Itoa(len(body))}
	} else {
		head["Content-Length"] = e.length
	}
	if r.status != 0 {
		w.WriteHeader(r.status)
	}
	w.Write(body)
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

// writeError answers with the error's status and its text in one line.
func writeError(w http.ResponseWriter, err error) {
	kind := api.ErrorKind(err)
	h := w.Header()
	if err == errNoBody {
		w.WriteHeader(kind.Status())
		return
	}
	h.Set("X-Registryd-Error", kind.String())
	h.Del("Content-Length")
	h["Content-Type"] = []string{"text/plain; charset=utf-8"}
	msg := strings.ReplaceAll(err.Error(), "\n", " ")
	w.WriteHeader(kind.Status())
	w.Write([]byte(msg))
}
