package httpapi

import "github.com/registryd/registryd/pkg/api"

// statusLeader serves /v1/status/leader: the leader's address or "".
func (h *Handler) statusLeader(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	addr, _ := h.reg.Cluster().Leader()
	return jsonReply(addr)
}

// statusPeers serves /v1/status/peers: the addresses of all servers, those
// without a vote included.
func (h *Handler) statusPeers(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	servers, _, err := h.reg.Cluster().Servers(q.Context())
	if err != nil {
		return reply{}, err
	}
	peers := []string{}
	for _, s := range servers {
		peers = append(peers, s.Address)
	}
	return jsonReply(peers)
}

// coordinate returns this server's coordinate, at the origin until measured.
func (h *Handler) coordinate() api.Coordinate {
	return api.Coordinate{Vec: make([]float64, 8), Error: 1.5, Height: 1e-5}
}
