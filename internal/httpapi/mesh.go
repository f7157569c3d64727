package httpapi

import "github.com/registryd/registryd/pkg/api"

// What belongs to the mesh, to peering and to Consul Enterprise answers as a
// Consul without them does where clients look: lists are empty, the rest says
// in one line that it is not there.

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
