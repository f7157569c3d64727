package raft

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/registryd/registryd/pkg/api"
)

// Calls about membership, all to the leader but the last.
const (
	callJoin     = "raft.join"     // request: introduction; answer: nothing, or a joinAnswer in JSON
	callRemove   = "raft.remove"   // request: server ID
	callTransfer = "raft.transfer" // request: server ID, or nothing for any
	callRemoved  = "raft.removed"  // to a server that was removed, from the leader; answer: its run
)

// Servers returns the latest configuration this server knows and the log index
// of the latest committed one. Names and Meta of servers it never talked to are
// missing.
func (n *Node) Servers(ctx context.Context) ([]ServerInfo, uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	_, leader := n.Leader()
	var list []ServerInfo
	for _, s := range n.configuration() {
		info := ServerInfo{
			ID: string(s.ID), Address: string(s.Address),
			Voter: s.Suffrage == hraft.Voter, Leader: string(s.ID) == leader,
		}
		if info.ID == n.cfg.ID {
			info.Name, info.Meta = n.cfg.Name, n.cfg.Meta
		} else if a, ok := n.roster.get(info.ID); ok {
			info.Name, info.Meta = a.Name, a.Meta
		}
		list = append(list, info)
	}
	return list, n.adapter.configIndex.Load(), nil
}

// RemoveServer takes a server out of the cluster, on whatever server it is
// called. api.NotFound means that there is no such server, api.Refused that the
// others would be no quorum.
func (n *Node) RemoveServer(ctx context.Context, id string) error {
	_, err := n.atLeader(ctx, callRemove, []byte(id))
	return err
}

// RemoveAddress is RemoveServer for the server with the address.
func (n *Node) RemoveAddress(ctx context.Context, addr string) error {
	for _, s := range n.configuration() {
		if string(s.Address) == addr {
			return n.RemoveServer(ctx, string(s.ID))
		}
	}
	return api.E(api.NotFound, fmt.Sprintf("no server with address %q", addr))
}

// TransferLeadership hands the leadership to the server with the ID, or to the
// one with the most complete log if the ID is empty. It returns when the old
// leader has stepped down and this server knows the new one.
func (n *Node) TransferLeadership(ctx context.Context, id string) error {
	_, former := n.Leader()
	if _, err := n.atLeader(ctx, callTransfer, []byte(id)); err != nil {
		return err
	}
	n.awaitOther(ctx, former)
	return nil
}

// otherWait bounds the wait for a new leader's first words.
const otherWait = time.Second

// awaitOther waits until this server knows another leader than the former one,
// so that who handed over leadership and then asks for the leader is told. When
// that takes long there is more amiss than this caller can mend.
func (n *Node) awaitOther(ctx context.Context, former string) {
	limit := time.NewTimer(otherWait)
	defer limit.Stop()
	for {
		changed := n.leaders.Changed()
		if _, id := n.Leader(); id != "" && id != former {
			return
		}
		select {
		case <-changed.Done():
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// Leave takes this server out of the cluster; a leader hands over first. The
// only voter stays what it is, with its data. The caller closes the Node after.
func (n *Node) Leave(ctx context.Context) error {
	n.joiner.rest(true)
	if err := n.guard.update(func(note *electorNote) { note.Left = true }); err != nil {
		return err
	}
	if !n.member() || len(n.configuration()) == 1 {
		return nil
	}
	if n.IsLeader() && len(n.voters()) > 1 {
		if err := n.TransferLeadership(ctx, ""); err != nil {
			n.log.Warn("leaving without a hand-over of leadership", "error", err)
		}
	}
	if err := n.RemoveServer(ctx, n.cfg.ID); err != nil && api.ErrorKind(err) != api.NotFound {
		return fmt.Errorf("leave: %w", err)
	}
	return nil
}

// atLeader makes a call at the leader, whoever that is, and waits for one.
func (n *Node) atLeader(ctx context.Context, kind string, req []byte) ([]byte, error) {
	h := n.hold()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		body, err := n.CallLeader(ctx, kind, req)
		if err == nil {
			return body, nil
		}
		if err := h.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// change makes one change of membership and waits for its outcome. The caller
// has the turn; when it no longer waits, the turn lasts until the request ended.
func (n *Node) change(ctx context.Context, request func() hraft.Future) error {
	n.turn.Keep()
	n.sole.Begin()
	return n.outcome(ctx, request, func() {
		n.sole.End()
		n.turn.Give()
	})
}

// outcome runs one of the library's requests and waits for what becomes of it;
// ended is called when that is settled, or when the request was not made.
func (n *Node) outcome(ctx context.Context, request func() hraft.Future, ended func()) error {
	done := make(chan error, 1)
	if !n.proposals.spawn(func() {
		err := request().Error()
		ended()
		done <- err
	}) {
		ended()
		return errClosed
	}
	select {
	case err := <-done:
		return n.proposalError(err)
	case <-ctx.Done():
		return api.Wrap(api.OutcomeUnknown, "gave up waiting for the change of membership", ctx.Err())
	case <-n.proposals.closed:
		return errClosed
	}
}

// joinAnswer is the leader's to a server that is not taken in and need not ask
// again.
type joinAnswer struct {
	Removed bool // an operator removed this run of the server, see removals.go
}

// answerJoin makes the caller a member, or updates its address.
func (n *Node) answerJoin(ctx context.Context, req []byte) ([]byte, error) {
	var i introduction
	if err := json.Unmarshal(req, &i); err != nil || i.ID == "" || i.Address == "" {
		return nil, api.E(api.Invalid, "undecodable introduction")
	}
	if i.Datacenter != n.cfg.Datacenter {
		return nil, n.foreign(i)
	}
	if n.ready.Load() == 0 {
		return nil, api.E(api.NotLeader, "server does not lead, or not yet")
	}
	if err := n.turn.Take(ctx); err != nil {
		return nil, err
	}
	defer n.turn.Give()
	have, member := n.find(i.ID)
	if member && string(have.Address) == i.Address {
		n.roster.note(i, false)
		return nil, nil
	}
	if n.removals.has(i.Run) {
		return json.Marshal(joinAnswer{Removed: true})
	}
	// The joiner must be who it says it is, where it says.
	there, err := n.identify(ctx, i.Address)
	if err != nil {
		return nil, api.Wrap(api.Refused, fmt.Sprintf("server %q cannot be reached at its address %s", i.Name, i.Address), err)
	}
	if there.ID != i.ID {
		return nil, api.E(api.Refused, fmt.Sprintf("at %s answers the server with ID %s, not %s", i.Address, there.ID, i.ID))
	}
	if err := n.makeRoom(ctx, i); err != nil {
		return nil, err
	}
	voter := member && have.Suffrage == hraft.Voter
	n.log.Info("server joins", "name", i.Name, "id", i.ID, "address", i.Address, "voter", voter)
	return nil, n.change(ctx, func() hraft.Future {
		id, addr := hraft.ServerID(i.ID), hraft.ServerAddress(i.Address)
		if voter {
			return n.raft.AddVoter(id, addr, 0, n.cfg.HoldTimeout)
		}
		return n.raft.AddNonvoter(id, addr, 0, n.cfg.HoldTimeout)
	})
}

// makeRoom removes members that the joiner replaces: those with its address,
// and a dead one with its name, as is left when a server lost its data.
func (n *Node) makeRoom(ctx context.Context, i introduction) error {
	for _, s := range n.configuration() {
		id := string(s.ID)
		if id == i.ID {
			continue
		}
		sameAddress := string(s.Address) == i.Address
		a, _ := n.roster.get(id)
		name := a.Name
		if id == n.cfg.ID {
			name = n.cfg.Name
		}
		alive, decided := n.liveness.judge(id)
		switch {
		case !sameAddress && (name == "" || name != i.Name):
			continue
		case id != n.cfg.ID && !decided:
			return errUndecided
		case id == n.cfg.ID || (!sameAddress && alive):
			return api.E(api.Refused, fmt.Sprintf("name %q is that of the living server with ID %s", i.Name, id))
		}
		n.log.Info("server is replaced", "name", i.Name, "old", id, "new", i.ID)
		if err := n.remove(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// errUndecided makes who asks try again in a moment.
var errUndecided = api.E(api.NotLeader, "new leader does not know yet who lives")

// remove takes the server out, unless the rest would be no quorum.
func (n *Node) remove(ctx context.Context, gone hraft.Server) error {
	if gone.Suffrage == hraft.Voter {
		voters, alive := 0, 0
		for _, id := range n.voters() {
			if id == string(gone.ID) {
				continue
			}
			voters++
			lives, decided := n.liveness.judge(id)
			if id != n.cfg.ID && !decided {
				return errUndecided
			}
			if id == n.cfg.ID || lives {
				alive++
			}
		}
		if alive < voters/2+1 {
			return api.E(api.Refused, fmt.Sprintf("without server %s only %d of %d voters are alive", gone.ID, alive, voters))
		}
	}
	return n.change(ctx, func() hraft.Future { return n.raft.RemoveServer(gone.ID, 0, n.cfg.HoldTimeout) })
}

func (n *Node) answerRemove(ctx context.Context, req []byte) ([]byte, error) {
	if n.ready.Load() == 0 {
		return nil, api.E(api.NotLeader, "server does not lead, or not yet")
	}
	if err := n.turn.Take(ctx); err != nil {
		return nil, err
	}
	defer n.turn.Give()
	s, ok := n.find(string(req))
	if !ok {
		return nil, api.E(api.NotFound, fmt.Sprintf("no server with ID %q", req))
	}
	run := n.joiner.presentRun()
	if string(s.ID) != n.cfg.ID {
		a, _ := n.roster.get(string(s.ID))
		run = a.Run
	}
	err := n.remove(ctx, s)
	if err == nil || api.ErrorKind(err) == api.OutcomeUnknown {
		n.removals.note(run)
	}
	switch {
	case err != nil:
		return nil, err
	case string(s.ID) == n.cfg.ID:
		n.joiner.removed(run)
		return nil, nil
	}
	// Told now it need not ask first, and does not think it is a member.
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if told, err := n.client.Call(ctx, string(n.trans.to(s.ID, s.Address)), callRemoved, nil); err == nil {
		n.removals.note(string(told))
	}
	return nil, nil
}

func (n *Node) answerRemoved(context.Context, []byte) ([]byte, error) {
	run := n.joiner.presentRun()
	n.joiner.removed(run)
	return []byte(run), nil
}

func (n *Node) answerTransfer(ctx context.Context, req []byte) ([]byte, error) {
	if !n.IsLeader() {
		return nil, api.E(api.NotLeader, "server does not lead")
	}
	id := string(req)
	var target hraft.Server
	if id != "" {
		var ok bool
		if target, ok = n.find(id); !ok {
			return nil, api.E(api.NotFound, fmt.Sprintf("no server with ID %q", id))
		}
		if target.Suffrage != hraft.Voter {
			return nil, api.E(api.Refused, fmt.Sprintf("server %s has no vote", id))
		}
		if id == n.cfg.ID {
			return nil, nil
		}
	} else if len(n.voters()) < 2 {
		return nil, api.E(api.Refused, "there is no other voter")
	}
	n.lease.Void(n.raft.CurrentTerm())
	err := n.outcome(ctx, func() hraft.Future {
		if id == "" {
			return n.raft.LeadershipTransfer()
		}
		return n.raft.LeadershipTransferToServer(target.ID, target.Address)
	}, func() {})
	if err != nil && api.ErrorKind(err) == api.OutcomeUnknown {
		return nil, api.Wrap(api.Refused, "transfer leadership", err)
	}
	return nil, err
}

// refreshRoster introduces this server to members it knows nothing of, or has
// not met for a while, so that names and tags are known everywhere.
func (n *Node) refreshRoster() {
	if at := n.adapter.configIndex.Load(); at != n.metAt.Swap(at) {
		for _, s := range n.configuration() {
			n.roster.doubt(string(s.ID))
		}
	}
	for _, s := range n.configuration() {
		if string(s.ID) == n.cfg.ID {
			continue
		}
		if a, ok := n.roster.get(string(s.ID)); ok && time.Since(a.verified) < 30*time.Second {
			continue
		}
		n.tasks.spawn(func() {
			ctx, cancel := n.within(n.timing.rpc)
			defer cancel()
			if _, err := n.identify(ctx, string(s.Address)); err != nil {
				n.roster.doubt(string(s.ID))
			}
		})
	}
}
