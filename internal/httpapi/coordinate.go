package httpapi

import (
	"net/http"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// coordinateDatacenters serves GET /v1/coordinate/datacenters: the servers of
// the one datacenter there is.
func (h *Handler) coordinateDatacenters(q *request) (reply, error) {
	list := []api.CoordinateEntry{}
	st := h.reg.State()
	for _, v := range st.ServerNodes() {
		e := api.CoordinateEntry{Node: v.Node.Node, Coord: &api.Coordinate{Vec: make([]float64, 8), Error: 1.5, Height: 1e-5}}
		for _, known := range st.NodeCoordinates(v.Node.Node) {
			if known.Segment == "" {
				e.Coord = known.Coord
			}
		}
		list = append(list, e)
	}
	return jsonReply([]map[string]any{{"Datacenter": h.reg.Datacenter(), "AreaID": "wan", "Coordinates": list}})
}

// coordinateNodes serves GET /v1/coordinate/nodes.
func (h *Handler) coordinateNodes(q *request) (reply, error) {
	return h.read(q, plainRead, func(st *store.State) (look, error) {
		return tableLook(st, store.TableCoordinates, func() (any, error) {
			list := []*api.CoordinateEntry{}
			st.Coordinates(func(e *api.CoordinateEntry) bool {
				if !q.has("segment") || e.Segment == q.get("segment") {
					list = append(list, e)
				}
				return true
			})
			return list, nil
		}), nil
	})
}

// coordinateNode serves GET /v1/coordinate/node/NODE.
func (h *Handler) coordinateNode(q *request) (reply, error) {
	return h.read(q, plainRead, func(st *store.State) (look, error) {
		list := []*api.CoordinateEntry{}
		for _, e := range st.NodeCoordinates(q.name) {
			if !q.has("segment") || e.Segment == q.get("segment") {
				list = append(list, e)
			}
		}
		l := tableLook(st, store.TableCoordinates, func() (any, error) { return list, nil })
		if len(list) == 0 {
			l.status, l.body = http.StatusNotFound, nil
		}
		return l, nil
	})
}

// coordinateUpdate serves PUT /v1/coordinate/update.
func (h *Handler) coordinateUpdate(q *request) (reply, error) {
	var in struct {
		api.CoordinateEntry
		Datacenter string
		enterpriseFields
	}
	if err := decodeBody(q, &in); err != nil {
		return reply{}, err
	}
	dc := q.datacenter()
	if dc == "" {
		dc = in.Datacenter
	}
	if err := h.reg.CheckDatacenter(dc); err != nil {
		return reply{}, err
	}
	return reply{}, h.reg.SetCoordinate(q.Context(), &in.CoordinateEntry)
}
