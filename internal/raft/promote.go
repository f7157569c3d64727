package raft

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/registryd/registryd/pkg/api"
)

// autopilotRaft is the library as autopilot sees it: with this package's care
// for who may be a member. Autopilot acts on a picture that is some seconds old.
type autopilotRaft struct {
	*hraft.Raft
	node *Node
	term context.Context // ends with the leadership, and with it what autopilot does
}

// AddVoter gives a member its vote. Whether it is one, and at which address, is
// what the latest configuration says and not autopilot: the library would make a
// server that was removed meanwhile a member again, and take one that moved
// back to where it was.
func (r autopilotRaft) AddVoter(id hraft.ServerID, _ hraft.ServerAddress, _ uint64, _ time.Duration) hraft.IndexFuture {
	return decided{err: r.node.promote(r.term, string(id))}
}

func (n *Node) promote(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.HoldTimeout)
	defer cancel()
	if err := n.turn.Take(ctx); err != nil {
		return err
	}
	defer n.turn.Give()
	s, ok := n.find(id)
	switch {
	case !ok:
		return api.E(api.NotFound, fmt.Sprintf("server %s is no member any more", id))
	case s.Suffrage == hraft.Voter:
		return nil
	}
	if err := n.wouldVote(ctx, id); err != nil {
		return err
	}
	return n.change(ctx, func() hraft.Future { return n.raft.AddVoter(s.ID, s.Address, 0, n.cfg.HoldTimeout) })
}

// wouldVote returns an error unless the server answers that it would use a vote. One
// that has not caught up needs a leader for that; if it had a vote, and without
// that one there were no majority, there would never be a leader again.
func (n *Node) wouldVote(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, n.timing.rpc)
	defer cancel()
	body, err := n.Call(ctx, id, callStats, nil)
	var s serverStats
	if err == nil {
		err = json.Unmarshal(body, &s)
	}
	switch {
	case err != nil:
		return fmt.Errorf("ask server %s whether it votes: %w", id, err)
	case s.Abstains:
		return api.E(api.Refused, fmt.Sprintf("server %s has not caught up yet and would not vote", id))
	}
	return nil
}

// AddNonvoter is not for autopilot: servers join through the leader's answerJoin.
func (r autopilotRaft) AddNonvoter(hraft.ServerID, hraft.ServerAddress, uint64, time.Duration) hraft.IndexFuture {
	return decided{err: errNotAutopilots}
}

// RemoveServer is not for autopilot: it is told of failed servers only, and
// removes them by its delegate's RemoveFailedServer.
func (r autopilotRaft) RemoveServer(hraft.ServerID, uint64, time.Duration) hraft.IndexFuture {
	return decided{err: errNotAutopilots}
}

// DemoteVoter is not for autopilot: a server keeps its vote as long as it is a
// member.
func (r autopilotRaft) DemoteVoter(hraft.ServerID, uint64, time.Duration) hraft.IndexFuture {
	return decided{err: errNotAutopilots}
}

var errNotAutopilots = api.E(api.Refused, "this change of membership is not for autopilot")

// decided is a request whose outcome is known.
type decided struct{ err error }

func (d decided) Error() error  { return d.err }
func (d decided) Index() uint64 { return 0 }
