package httpapi

import (
	"io"
	"net/http"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// What belongs to the mesh and to peering answers as a Consul without them does
// where clients look: lists are empty, the rest says in one line that it is not
// there. Paths of Consul Enterprise are unknown here, as to a Consul that is not
// Enterprise.

// unknown answers a path that is no endpoint. The first text is Consul's word
// for word: programs that manage Consul tell by it that it is not Enterprise.
func (h *Handler) unknown(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head["Vary"] = vary
	for k, v := range h.cfg.ResponseHeaders {
		head.Set(k, v)
	}
	head.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	if strings.Contains(r.URL.Path, "/v1/") {
		io.WriteString(w, "Invalid URL path: not a recognized HTTP API endpoint\n")
		return
	}
	io.WriteString(w, "Invalid URL path: the HTTP API begins with /v1/\n")
}

// emptyList answers [].
func (h *Handler) emptyList(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	return reply{body: encode([]byte("[]"))}, nil
}

// noFeature answers 404 with the reason.
func (h *Handler) noFeature(feature string) endpoint {
	return func(*request) (reply, error) {
		return reply{}, api.E(api.NotFound, feature+" is not part of this server")
	}
}

// intentionMatch serves GET /v1/connect/intentions/match: none match.
func (h *Handler) intentionMatch(q *request) (reply, error) {
	names := map[string][]string{}
	for _, n := range q.all("name") {
		names[n] = []string{}
	}
	if by := q.get("by"); by != "source" && by != "destination" {
		return reply{}, api.E(api.Invalid, "required query parameter 'by' not set")
	}
	if len(names) == 0 {
		return reply{}, api.E(api.Invalid, "required query parameter 'name' not set")
	}
	return jsonReply(names)
}

// intentionCheck serves GET /v1/connect/intentions/check: nothing forbids it.
func (h *Handler) intentionCheck(q *request) (reply, error) {
	for _, p := range []string{"source", "destination"} {
		if q.get(p) == "" {
			return reply{}, api.E(api.Invalid, "required query parameter '"+p+"' not set")
		}
	}
	return jsonReply(map[string]bool{"Allowed": true})
}
