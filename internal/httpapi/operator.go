package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// raftConfiguration serves GET /v1/operator/raft/configuration.
func (h *Handler) raftConfiguration(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	servers, _, err := h.reg.Cluster().Servers(q.Context())
	if err != nil {
		return reply{}, err
	}
	// How far their logs are is only known to a leader that has looked.
	state, _ := h.reg.Pilot().AutopilotState(q.Context())
	list := []api.RaftServer{}
	for _, s := range servers {
		r := api.RaftServer{ID: s.ID, Node: s.Name, Address: s.Address, Leader: s.Leader, ProtocolVersion: "3", Voter: s.Voter, LastIndex: state.Servers[s.ID].LastIndex}
		if v := h.reg.State().NodeByID(s.ID); v != nil {
			r.Node = v.Node.Node
		}
		list = append(list, r)
	}
	return jsonReply(map[string]any{"Servers": list, "Index": 0})
}

// raftPeer serves DELETE /v1/operator/raft/peer.
func (h *Handler) raftPeer(q *request) (reply, error) {
	id, addr := q.get("id"), q.get("address")
	if (id == "") == (addr == "") {
		return reply{}, api.E(api.Invalid, "Must specify either ?id with the server's ID or ?address with IP:port of peer to remove")
	}
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	if id != "" {
		return reply{}, refused(h.reg.Cluster().RemoveServer(q.Context(), id))
	}
	return reply{}, refused(h.reg.Cluster().RemoveAddress(q.Context(), addr))
}

// raftTransfer serves POST /v1/operator/raft/transfer-leader.
func (h *Handler) raftTransfer(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	if err := h.reg.Cluster().TransferLeadership(q.Context(), q.get("id")); err != nil {
		return reply{}, refused(err)
	}
	return jsonReply(map[string]bool{"Success": true})
}

// refused makes what does not exist a refusal, since Consul answers 500.
func refused(err error) error {
	if api.ErrorKind(err) == api.NotFound {
		return api.Wrap(api.Refused, "", err)
	}
	return err
}

// autopilotGet serves GET /v1/operator/autopilot/configuration.
func (h *Handler) autopilotGet(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	st, err := h.fresh(q)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(h.reg.AutopilotConfig(st))
}

// autopilotPut serves PUT /v1/operator/autopilot/configuration. What the body
// leaves out takes its default.
func (h *Handler) autopilotPut(q *request) (reply, error) {
	d := raft.DefaultAutopilotConfig()
	in := struct {
		api.AutopilotConfig
		enterpriseFields
	}{AutopilotConfig: api.AutopilotConfig{CleanupDeadServers: d.CleanupDeadServers, LastContactThreshold: api.Duration(d.LastContactThreshold),
		MaxTrailingLogs: d.MaxTrailingLogs, MinQuorum: d.MinQuorum, ServerStabilizationTime: api.Duration(d.ServerStabilizationTime)}}
	if err := decodeBody(q, &in); err != nil {
		return reply{}, err
	}
	if q.has("cas") {
		n, err := strconv.ParseUint(q.get("cas"), 10, 64)
		if err != nil {
			return reply{}, api.Wrap(api.Invalid, "Error parsing cas value", err)
		}
		in.ModifyIndex = n
	}
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	ok, err := h.reg.SetAutopilot(q.Context(), &in.AutopilotConfig, q.has("cas"))
	return reply{body: boolBody(ok)}, err
}

// autopilotHealth serves GET /v1/operator/autopilot/health: 429 if the cluster
// is not healthy.
func (h *Handler) autopilotHealth(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	a, err := h.reg.Pilot().AutopilotHealth(q.Context())
	if err != nil {
		return reply{}, err
	}
	out := api.AutopilotHealth{Healthy: a.Healthy, FailureTolerance: a.FailureTolerance, Servers: []*api.ServerHealth{}}
	for _, s := range a.Servers {
		out.Servers = append(out.Servers, &api.ServerHealth{ID: s.ID, Name: s.Name, Address: s.Address, SerfStatus: s.SerfStatus, Version: s.Version, Leader: s.Leader,
			LastContact: api.Duration(s.LastContact), LastTerm: s.LastTerm, LastIndex: s.LastIndex, Healthy: s.Healthy, Voter: s.Voter, StableSince: s.StableSince})
	}
	r, err := jsonReply(out)
	if !a.Healthy {
		r.status = http.StatusTooManyRequests
	}
	return r, err
}

// autopilotServer is a server in the answer of autopilotState.
type autopilotServer struct {
	ID, Name, Address, NodeStatus, Version string
	LastContact                            api.Duration
	LastTerm, LastIndex                    uint64
	Healthy                                bool
	StableSince                            time.Time
	ReadReplica                            bool
	Status                                 string
	Meta                                   map[string]string
	NodeType                               string
}

// autopilotState serves GET /v1/operator/autopilot/state.
func (h *Handler) autopilotState(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	a, err := h.reg.Pilot().AutopilotState(q.Context())
	if err != nil {
		return reply{}, err
	}
	servers := map[string]autopilotServer{}
	for id, s := range a.Servers {
		meta := s.Meta
		if v := h.reg.State().NodeByID(id); v != nil {
			meta = v.Node.Meta
		}
		if meta == nil {
			meta = map[string]string{}
		}
		servers[id] = autopilotServer{ID: s.ID, Name: s.Name, Address: s.Address, NodeStatus: s.NodeStatus, Version: s.Version, LastContact: api.Duration(s.LastContact),
			LastTerm: s.LastTerm, LastIndex: s.LastIndex, Healthy: s.Healthy, StableSince: s.StableSince, Status: s.Status, NodeType: s.NodeType, Meta: meta}
	}
	return jsonReply(map[string]any{"Healthy": a.Healthy, "FailureTolerance": a.FailureTolerance, "OptimisticFailureTolerance": a.OptimisticFailureTolerance,
		"Servers": servers, "Leader": a.Leader, "Voters": a.Voters})
}

// operatorUsage serves GET /v1/operator/usage.
func (h *Handler) operatorUsage(q *request) (reply, error) {
	return h.read(q, catalogRead, func(st *store.State) (look, error) {
		t := st.Table(store.TableServices)
		return look{index: t.Index, watch: &t.Watch, body: func() (*encoded, error) {
			services, instances := 0, 0
			st.Services(func(v *store.ServiceView) bool {
				services, instances = services+1, instances+len(v.Instances)
				return true
			})
			m := h.meta(q, catalogRead, t.Index)
			return encodeJSON(struct {
				Usage map[string]any
				*bodyMeta
			}{map[string]any{h.reg.Datacenter(): map[string]any{
				"Nodes": st.NodeCount(), "Services": services, "ServiceInstances": instances, "BillableServiceInstances": instances - len(st.ServerNodes()),
				"ConnectServiceInstances": map[string]int{"connect-native": 0, "connect-proxy": 0, "mesh-gateway": 0, "ingress-gateway": 0, "terminating-gateway": 0, "api-gateway": 0},
			}}, bodyMetaOf(m, m.consistency)})
		}}, nil
	})
}

// keyring serves /v1/operator/keyring: there is no gossip, so no keys either.
func (h *Handler) keyring(q *request) (reply, error) {
	if v := q.get("relay-factor"); v != "" {
		if n, err := strconv.Atoi(v); err != nil || n < 0 || n > 5 {
			return reply{}, api.E(api.Invalid, "Error parsing relay factor: it must be in range [0, 5]")
		}
	}
	if v := q.get("local-only"); v != "" {
		if local, err := strconv.ParseBool(v); err != nil || local && q.Method != http.MethodGet {
			return reply{}, api.E(api.Invalid, "Error parsing local-only: it is a truth value, for GET only")
		}
	}
	if q.Method != http.MethodGet {
		var in struct{ Key string }
		if err := decodeBody(q, &in); err != nil {
			return reply{}, err
		}
	}
	return reply{}, api.E(api.Refused, "keyring is empty: servers do not gossip, encrypt their connections with tls instead")
}
