package raft

import (
	"context"
	"slices"
	"time"

	hraft "github.com/hashicorp/raft"
)

// hasten starts an election soon after a leader fell silent. The library looks
// only at random moments, up to three heartbeat timeouts after the last sign of
// life. Followers take turns in the order of their IDs, so that the first wins
// before the second asks.
func (n *Node) hasten() {
	var last string // leader we heard from
	for {
		changed := n.leaders.Changed()
		wait := n.timing.heartbeat
		if n.raft.State() == hraft.Leader {
			wait = time.Minute // or until that changes
		}
		if n.raft.State() == hraft.Follower {
			if _, id := n.Leader(); id != "" {
				last = id
				if former := n.followed.Load(); former == nil || *former != id {
					n.followed.Store(&id)
				}
			}
			due := n.timing.heartbeat + time.Duration(n.rank(last))*n.timing.stagger
			contact := n.raft.LastContact()
			if silent := time.Since(contact); !contact.IsZero() && silent >= due {
				n.lookNow()
			} else if !contact.IsZero() {
				wait = due - silent
			}
		}
		select {
		case <-time.After(wait + time.Millisecond):
		case <-changed.Done():
		case <-n.ctx.Done():
			return
		}
	}
}

// rank is this server's place among the voters other than the lost leader.
func (n *Node) rank(leader string) int {
	var ids []string
	for _, id := range n.voters() {
		if id != leader {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return max(0, slices.Index(ids, n.cfg.ID))
}

// lookNow makes the library look at the last contact at once: it does when the
// heartbeat timeout is shortened.
func (n *Node) lookNow() {
	usual := n.raft.ReloadableConfig()
	short := usual
	short.HeartbeatTimeout = n.timing.guard
	if n.raft.ReloadConfig(short) == nil {
		_ = n.raft.ReloadConfig(usual)
	}
}

// voters returns the IDs of the voters of the latest configuration.
func (n *Node) voters() []string {
	servers := n.raft.GetConfiguration().Configuration().Servers
	ids := make([]string, 0, len(servers))
	for _, s := range servers {
		if s.Suffrage == hraft.Voter {
			ids = append(ids, string(s.ID))
		}
	}
	return ids
}

// within returns a context for work that outlives neither d nor the Node.
func (n *Node) within(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(n.ctx, d)
}
