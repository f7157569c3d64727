package raft

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	ap "github.com/hashicorp/raft-autopilot"

	"github.com/registryd/registryd/pkg/api"
)

// AutopilotState is the leader's view of the cluster's health, with the names
// of Consul's operator API.
type AutopilotState struct {
	Healthy                    bool
	FailureTolerance           int
	OptimisticFailureTolerance int
	Leader                     string
	Voters                     []string
	Servers                    map[string]AutopilotServer
}

// AutopilotServer is one server in an AutopilotState.
type AutopilotServer struct {
	ID, Name, Address string
	NodeStatus        string // "alive" or "failed"
	Version           string
	Status            string // "leader", "voter" or "non-voter"
	NodeType          string // "voter"
	Meta              map[string]string
	LastContact       time.Duration
	LastTerm          uint64
	LastIndex         uint64
	Healthy           bool
	StableSince       time.Time
}

// AutopilotHealth is the older, flat form of the same.
type AutopilotHealth struct {
	Healthy          bool
	FailureTolerance int
	Servers          []ServerHealth // sorted by name
}

// ServerHealth is one server in an AutopilotHealth.
type ServerHealth struct {
	ID, Name, Address string
	SerfStatus        string // "alive" or "failed"
	Version           string
	Leader            bool
	LastContact       time.Duration
	LastTerm          uint64
	LastIndex         uint64
	Healthy           bool
	Voter             bool
	StableSince       time.Time
}

// AutopilotState asks the leader for its view. api.NoLeader also means that a
// new leader has no view yet.
func (n *Node) AutopilotState(ctx context.Context) (AutopilotState, error) {
	var s AutopilotState
	body, err := n.atLeader(ctx, callAutopilot, nil)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("decode autopilot state: %w", err)
	}
	return s, nil
}

// AutopilotHealth is AutopilotState in the flat form.
func (n *Node) AutopilotHealth(ctx context.Context) (AutopilotHealth, error) {
	s, err := n.AutopilotState(ctx)
	h := AutopilotHealth{Healthy: s.Healthy, FailureTolerance: s.FailureTolerance}
	for _, v := range s.Servers {
		h.Servers = append(h.Servers, ServerHealth{
			ID: v.ID, Name: v.Name, Address: v.Address, SerfStatus: v.NodeStatus, Version: v.Version,
			Leader: v.Status == string(ap.RaftLeader), Voter: v.Status != string(ap.RaftNonVoter),
			LastContact: v.LastContact, LastTerm: v.LastTerm, LastIndex: v.LastIndex,
			Healthy: v.Healthy, StableSince: v.StableSince,
		})
	}
	slices.SortFunc(h.Servers, func(a, b ServerHealth) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return h, err
}

func (n *Node) answerAutopilot(context.Context, []byte) ([]byte, error) {
	pilot := n.pilot.Load()
	if pilot == nil || n.ready.Load() == 0 {
		return nil, api.E(api.NotLeader, "server does not lead, or not yet")
	}
	state := pilot.GetState()
	if state == nil || len(state.Servers) == 0 {
		return nil, api.E(api.NotLeader, "leader has not looked yet")
	}
	return json.Marshal(n.export(state))
}

func (n *Node) export(state *ap.State) AutopilotState {
	out := AutopilotState{
		Healthy: state.Healthy, FailureTolerance: state.FailureTolerance,
		OptimisticFailureTolerance: state.FailureTolerance,
		Leader:                     string(state.Leader), Servers: map[string]AutopilotServer{},
	}
	for _, id := range state.Voters {
		out.Voters = append(out.Voters, string(id))
	}
	for id, s := range state.Servers {
		status := string(s.Server.NodeStatus)
		if string(id) != n.cfg.ID && n.liveness.silent(string(id)) {
			status = string(ap.NodeFailed)
		}
		out.Servers[string(id)] = AutopilotServer{
			ID: string(id), Name: s.Server.Name, Address: string(s.Server.Address),
			NodeStatus: status, Version: s.Server.Version, Status: string(s.State),
			NodeType: string(s.Server.NodeType), Meta: n.metaOf(string(id)),
			LastContact: s.Stats.LastContact, LastTerm: s.Stats.LastTerm, LastIndex: s.Stats.LastIndex,
			Healthy: s.Health.Healthy, StableSince: s.Health.StableSince,
		}
	}
	return out
}

func (n *Node) metaOf(id string) map[string]string {
	if id == n.cfg.ID {
		return n.cfg.Meta
	}
	a, _ := n.roster.get(id)
	return a.Meta
}
