package raft

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	hraft "github.com/hashicorp/raft"
	ap "github.com/hashicorp/raft-autopilot"

	"github.com/registryd/registryd/pkg/api"
)

// AutopilotConfig are the rules by which the leader looks after the servers.
// The fields and defaults are those of Consul's operator API.
type AutopilotConfig struct {
	// CleanupDeadServers removes servers that failed, as long as a quorum
	// allows it.
	CleanupDeadServers bool
	// LastContactThreshold is how long ago a healthy server heard from the
	// leader at most, MaxTrailingLogs how many entries its log is behind.
	LastContactThreshold time.Duration
	MaxTrailingLogs      uint64
	// MinQuorum is the number of voters below which none is removed.
	MinQuorum uint
	// ServerStabilizationTime is how long a new server must be healthy before
	// it gets a vote.
	ServerStabilizationTime time.Duration
}

// DefaultAutopilotConfig returns Consul's defaults.
func DefaultAutopilotConfig() AutopilotConfig {
	return AutopilotConfig{
		CleanupDeadServers:      true,
		LastContactThreshold:    200 * time.Millisecond,
		MaxTrailingLogs:         250,
		ServerStabilizationTime: 10 * time.Second,
	}
}

const (
	callStats     = "raft.stats"     // request: nothing; answer: serverStats in JSON
	callAutopilot = "raft.autopilot" // to the leader; request: nothing; answer: AutopilotState in JSON

	// autopilotUpdate is how often health is looked at.
	autopilotUpdate = 2 * time.Second
)

// serverStats is what a server says of its log.
type serverStats struct {
	LastContact time.Duration
	LastTerm    uint64
	LastIndex   uint64
	// Abstains says that the server does not vote yet, see electorNote.
	Abstains bool `json:",omitempty"`
}

// SetAutopilotConfig sets the rules for when this server leads. The caller
// calls it on every server alike.
func (n *Node) SetAutopilotConfig(c AutopilotConfig) { n.autopilotConfig.Store(&c) }

// runAutopilot is a duty of the leader.
func (n *Node) runAutopilot(ctx context.Context, _ uint64) {
	pilot := ap.New(autopilotRaft{n.raft, n, ctx}, &autopilotDelegate{node: n},
		ap.WithLogger(newLogBridge(n.log)), ap.WithPromoter(&promoter{}),
		ap.WithUpdateInterval(n.autopilotPace(autopilotUpdate)),
		ap.WithReconcileInterval(n.autopilotPace(n.timing.pilot)))
	pilot.Start(ctx)
	n.pilot.Store(pilot)
	<-ctx.Done()
	n.pilot.Store(nil)
	<-pilot.Stop()
}

// autopilotPace shortens an interval when servers are to become stable sooner
// than it would notice.
func (n *Node) autopilotPace(usual time.Duration) time.Duration {
	wish := n.autopilotConfig.Load().ServerStabilizationTime
	return max(200*time.Millisecond, min(usual, wish))
}

// promoter promotes servers that are stable and meant to vote.
type promoter struct{ ap.StablePromoter }

func (p *promoter) CalculatePromotionsAndDemotions(c *ap.Config, s *ap.State) ap.RaftChanges {
	changes := p.StablePromoter.CalculatePromotionsAndDemotions(c, s)
	changes.Promotions = slices.DeleteFunc(changes.Promotions, func(id hraft.ServerID) bool {
		return s.Servers[id].Server.Meta[metaNonVoter] != ""
	})
	return changes
}

// metaNonVoter marks servers that never get a vote, for promoter.
const metaNonVoter = "raft.nonvoter"

// autopilotDelegate tells autopilot what it asks.
type autopilotDelegate struct{ node *Node }

func (d *autopilotDelegate) AutopilotConfig() *ap.Config {
	c := d.node.autopilotConfig.Load()
	return &ap.Config{
		CleanupDeadServers: c.CleanupDeadServers, LastContactThreshold: c.LastContactThreshold,
		MaxTrailingLogs: c.MaxTrailingLogs, MinQuorum: c.MinQuorum,
		ServerStabilizationTime: c.ServerStabilizationTime,
	}
}

func (d *autopilotDelegate) NotifyState(*ap.State) {}

func (d *autopilotDelegate) KnownServers() map[hraft.ServerID]*ap.Server {
	n := d.node
	known := map[hraft.ServerID]*ap.Server{}
	for _, s := range n.configuration() {
		id := string(s.ID)
		k := &ap.Server{
			ID: s.ID, Address: s.Address, NodeStatus: ap.NodeAlive, RaftVersion: int(hraft.ProtocolVersionMax),
			IsLeader: id == n.cfg.ID, NodeType: ap.NodeVoter, Meta: map[string]string{},
		}
		nonVoter := n.cfg.NonVoter
		if id == n.cfg.ID {
			k.Name, k.Version = n.cfg.Name, n.cfg.Meta["version"]
		} else {
			a, _ := n.roster.get(id)
			k.Name, k.Version, nonVoter = a.Name, a.Meta["version"], a.NonVoter
			if n.liveness.silentFor(id) >= n.timing.cleanup {
				k.NodeStatus = ap.NodeFailed
			}
		}
		if nonVoter {
			k.Meta[metaNonVoter] = "true"
		}
		known[s.ID] = k
	}
	return known
}

// FetchServerStats asks all servers at once; who does not answer in time is
// left out, and so not healthy.
func (d *autopilotDelegate) FetchServerStats(ctx context.Context, servers map[hraft.ServerID]*ap.Server) map[hraft.ServerID]*ap.ServerStats {
	type answer struct {
		id    hraft.ServerID
		stats *ap.ServerStats
	}
	answers := make(chan answer, len(servers))
	asked := 0
	for id := range servers {
		if d.node.tasks.spawn(func() {
			a := answer{id: id, stats: &ap.ServerStats{LastContact: -1}}
			var s serverStats
			if body, err := d.node.Call(ctx, string(id), callStats, nil); err == nil && json.Unmarshal(body, &s) == nil {
				*a.stats = ap.ServerStats{LastContact: s.LastContact, LastTerm: s.LastTerm, LastIndex: s.LastIndex}
			}
			answers <- a
		}) {
			asked++
		}
	}
	stats := map[hraft.ServerID]*ap.ServerStats{}
	for range asked {
		a := <-answers
		stats[a.id] = a.stats
	}
	return stats
}

// RemoveFailedServer removes a dead server, as far as autopilot's own count of
// voters and this package's agree that it is safe.
func (d *autopilotDelegate) RemoveFailedServer(s *ap.Server) {
	n := d.node
	n.tasks.spawn(func() {
		ctx, cancel := n.within(n.cfg.HoldTimeout)
		defer cancel()
		if n.turn.Take(ctx) != nil {
			return
		}
		defer n.turn.Give()
		gone, ok := n.find(string(s.ID))
		if !ok || !n.IsLeader() || !n.liveness.silent(string(s.ID)) {
			return
		}
		if err := n.remove(ctx, gone); err != nil {
			n.log.Info("dead server stays", "name", s.Name, "id", s.ID, "reason", err)
			return
		}
		n.log.Info("dead server removed", "name", s.Name, "id", s.ID)
	})
}

func (n *Node) answerStats(context.Context, []byte) ([]byte, error) {
	s := serverStats{LastContact: n.LastContact(), LastIndex: n.raft.LastIndex(), Abstains: n.guard.Note().Abstain}
	if _, err := fmt.Sscan(n.raft.Stats()["last_log_term"], &s.LastTerm); err != nil {
		return nil, api.Wrap(api.Internal, "last log term", err)
	}
	return json.Marshal(s)
}
