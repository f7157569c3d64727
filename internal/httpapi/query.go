package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// queryPrefix is what the paths of one prepared query begin with.
const queryPrefix = "/v1/query/"

// queryPath serves what is below queryPrefix: a query by ID, or what it gives.
// Unlike elsewhere a refused method is not told of OPTIONS.
func (h *Handler) queryPath(w http.ResponseWriter, r *http.Request) {
	ms := methods{get(h.queryGet), put(h.queryPut), del(h.queryDelete)}
	switch {
	case strings.HasSuffix(r.URL.Path, "/execute"):
		ms = methods{get(h.queryExecute)}
	case strings.HasSuffix(r.URL.Path, "/explain"):
		ms = methods{get(h.queryExplain)}
	}
	var allow []string
	if r.Method == http.MethodOptions {
		allow = append(allow, http.MethodOptions)
	}
	for _, m := range ms {
		allow = append(allow, m.name)
	}
	h.serve(w, r, queryPrefix, ms, strings.Join(allow, ","))
}

// shownQuery is a query as it is shown: with all fields, empty or not.
type shownQuery struct {
	*api.PreparedQuery
	Service struct {
		*api.ServiceQuery
		SamenessGroup string
	}
}

func showQuery(q *api.PreparedQuery) *shownQuery {
	s := &shownQuery{PreparedQuery: q}
	s.Service.ServiceQuery, s.Service.SamenessGroup = &q.Service, q.Service.SamenessGroup
	return s
}

// queryList serves GET /v1/query.
func (h *Handler) queryList(q *request) (reply, error) {
	return h.read(q, catalogRead, func(st *store.State) (look, error) {
		return tableLook(st, store.TableQueries, func() (any, error) {
			list := []*shownQuery{}
			st.Queries(func(p *api.PreparedQuery) bool {
				list = append(list, showQuery(p))
				return true
			})
			return list, nil
		}), nil
	})
}

// queryGet serves GET /v1/query/ID.
func (h *Handler) queryGet(q *request) (reply, error) {
	if err := needUUID(q.name); err != nil {
		return reply{}, err
	}
	return h.read(q, catalogRead, func(st *store.State) (look, error) {
		p := st.Query(q.name)
		l := tableLook(st, store.TableQueries, func() (any, error) { return []*shownQuery{showQuery(p)}, nil })
		if p == nil {
			notFound(&l, "Query not found")
		}
		return l, nil
	})
}

// notFound makes a look answer 404 with one line of text. Unlike an error it
// can be waited for.
func notFound(l *look, msg string) {
	l.status, l.kind = http.StatusNotFound, "text/plain; charset=utf-8"
	l.body = func() (*encoded, error) { return encode([]byte(msg)), nil }
}

func needUUID(id string) error {
	if _, err := uuid.Parse(id); err != nil || len(id) != 36 {
		return api.E(api.Refused, "failed prepared query lookup: '"+id+"' is not a UUID")
	}
	return nil
}

// queryCreate serves POST /v1/query.
func (h *Handler) queryCreate(q *request) (reply, error) {
	p, err := h.decodeQuery(q)
	if err != nil {
		return reply{}, err
	}
	id, err := h.reg.CreateQuery(q.Context(), p)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(map[string]string{"ID": id})
}

// queryPut serves PUT /v1/query/ID.
func (h *Handler) queryPut(q *request) (reply, error) {
	p, err := h.decodeQuery(q)
	if err != nil {
		return reply{}, err
	}
	p.ID = q.name
	return reply{}, h.reg.UpdateQuery(q.Context(), p)
}

// queryDelete serves DELETE /v1/query/ID.
func (h *Handler) queryDelete(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	return reply{}, h.reg.DeleteQuery(q.Context(), q.name)
}

func (h *Handler) decodeQuery(q *request) (*api.PreparedQuery, error) {
	var in struct {
		api.PreparedQuery
		enterpriseFields
	}
	if err := decodeBody(q, &in); err != nil {
		return nil, err
	}
	return &in.PreparedQuery, h.reg.CheckDatacenter(q.datacenter())
}

// queryExecute serves GET /v1/query/ID-or-NAME/execute.
func (h *Handler) queryExecute(q *request) (reply, error) {
	limit := 0
	if v := q.get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			return reply{}, api.Wrap(api.Refused, "Bad limit", err)
		}
		limit = n
	}
	return h.runQuery(q, "/execute", cachedRead, func(st *store.State, p *api.PreparedQuery, m *bodyMeta) (any, error) {
		list := h.reg.RunQuery(st, p, q.get("near"), limit)
		if q.has("connect") {
			list = nil // there is no mesh
		}
		return struct {
			Service    string
			Nodes      []plainEntry
			DNS        api.QueryDNS
			Datacenter string
			PeerName   string
			Failovers  int
			*bodyMeta
		}{Service: p.Service.Service, Nodes: showEntries(list), DNS: p.DNS, Datacenter: h.reg.Datacenter(), bodyMeta: m}, nil
	})
}

// queryExplain serves GET /v1/query/ID-or-NAME/explain.
func (h *Handler) queryExplain(q *request) (reply, error) {
	return h.runQuery(q, "/explain", catalogRead, func(_ *store.State, p *api.PreparedQuery, m *bodyMeta) (any, error) {
		return struct {
			Query *shownQuery
			*bodyMeta
		}{showQuery(p), m}, nil
	})
}

// runQuery answers from a query found by ID or name. It does not block.
func (h *Handler) runQuery(q *request, suffix string, mode readMode, answer func(*store.State, *api.PreparedQuery, *bodyMeta) (any, error)) (reply, error) {
	name := strings.TrimSuffix(q.name, suffix)
	q.index = 0
	return h.read(q, mode, func(st *store.State) (look, error) {
		p, err := registry.FindQuery(st, name)
		if err != nil {
			return look{}, err
		}
		index := st.Table(store.TableQueries).Index
		return look{index: index, body: func() (*encoded, error) {
			m := h.meta(q, mode, index)
			v, err := answer(st, p, bodyMetaOf(m, m.consistency))
			if err != nil {
				return nil, err
			}
			return encodeJSON(v)
		}}, nil
	})
}
