package raft

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"
	hraft "github.com/hashicorp/raft"

	"github.com/registryd/registryd/pkg/api"
)

// Founding a cluster of N servers that know each other only by hearsay must
// never make two clusters, whatever is killed when. So the founders agree
// before any of them does anything:
//
//   - When a server knows of N fresh servers that expect N, itself included, and
//     has the lowest ID of them, it proposes the N lowest and promises, durably,
//     to found nothing else.
//   - Each of the others promises the same, durably, unless it is bound by
//     another promise or has a cluster already; then it refuses, durably.
//   - When all have promised, each founds: it writes the configuration as the
//     first entry of its log. Whoever holds a promise asks the others again
//     until it knows, so that no single one is needed to finish; that the
//     proposer promised is implied by the proposal.
//   - One refusal kills a proposal for ever: its holders drop their promise.
//
// Two proposals that share a server cannot both be promised by all. A server
// votes only when it has a configuration, so no majority exists that did not
// found the same cluster. Servers that come later, or find themselves left out,
// join as members.

// proposal is a new cluster: its first servers, all of them voters.
type proposal struct {
	ID       string // random, never used again
	Proposer string // server ID
	Servers  []founder
}

type founder struct{ ID, Address string }

func (p *proposal) has(id string) bool {
	return slices.ContainsFunc(p.Servers, func(f founder) bool { return f.ID == id })
}

func (p *proposal) configuration() hraft.Configuration {
	var c hraft.Configuration
	for _, f := range p.Servers {
		c.Servers = append(c.Servers, hraft.Server{ID: hraft.ServerID(f.ID), Address: hraft.ServerAddress(f.Address)})
	}
	return c
}

// callPromise asks a founder for its promise, or tells it that all have given
// theirs: the request is a promiseRequest in JSON, the answer empty. The error
// api.Refused kills the proposal.
const callPromise = "raft.promise"

type promiseRequest struct {
	Proposal  proposal
	Unanimous bool
}

// founding is this server's side of the agreement.
type founding struct {
	node *Node
	mu   sync.Mutex // one step at a time
}

// step brings the founding of a cluster forward, given the fresh servers that
// can be reached now. It is called again and again until there is a cluster.
func (f *founding) step(ctx context.Context, fresh []introduction) {
	p, err := f.propose(fresh)
	if err != nil {
		f.node.joiner.warn("cannot found a cluster", "error", err)
		return
	}
	if p == nil || !f.ask(ctx, p) {
		return
	}
	if err := f.found(p); err != nil {
		f.node.joiner.warn("cannot found a cluster", "error", err)
		return
	}
	// The others found it as well as soon as they are told; then the first of
	// them need not wait for a leader's silence to stand for election.
	f.tell(ctx, p)
	if p.Proposer == f.node.cfg.ID {
		f.node.trans.electNow(f.node.rpcHeader())
	}
}

// propose returns the proposal this server has promised, a new one if it is the
// one to make it, or nil.
func (f *founding) propose(fresh []introduction) (*proposal, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.node
	if p := n.guard.Note().Promise; p != nil {
		return p, nil
	}
	founders := []founder{{n.cfg.ID, n.cfg.Advertise}}
	names := map[string]string{n.cfg.Name: n.cfg.ID}
	for _, i := range fresh {
		if id, ok := names[i.Name]; ok && id != i.ID {
			n.joiner.warn("two servers have the same name", "name", i.Name, "id", id, "other", i.ID)
			continue
		}
		names[i.Name] = i.ID
		switch {
		case i.NonVoter || i.Founded:
		case i.Expect != n.cfg.BootstrapExpect:
			if i.Expect != 0 {
				n.joiner.warn("servers differ in bootstrap_expect", "server", i.Name, "theirs", i.Expect, "ours", n.cfg.BootstrapExpect)
			}
		default:
			founders = append(founders, founder{i.ID, i.Address})
		}
	}
	slices.SortFunc(founders, func(a, b founder) int { return cmp.Compare(a.ID, b.ID) })
	founders = slices.CompactFunc(founders, func(a, b founder) bool { return a.ID == b.ID })
	if len(founders) < n.cfg.BootstrapExpect || founders[0].ID != n.cfg.ID {
		return nil, nil
	}
	p := &proposal{ID: uuid.NewString(), Proposer: n.cfg.ID, Servers: founders[:n.cfg.BootstrapExpect]}
	return p, n.guard.update(func(note *electorNote) { note.Promise = p })
}

// ask returns whether all founders have promised. A refusal drops the proposal.
func (f *founding) ask(ctx context.Context, p *proposal) bool {
	promised := true
	for id, err := range f.callAll(ctx, promiseRequest{Proposal: *p}) {
		switch {
		case err == nil:
		case errors.Is(err, api.Refused):
			f.node.log.Info("a server refused to found a cluster", "server", id, "reason", err)
			f.drop(p)
			return false
		case id == p.Proposer: // it has promised before it proposed
		default:
			promised = false
		}
	}
	return promised
}

func (f *founding) tell(ctx context.Context, p *proposal) {
	for id, err := range f.callAll(ctx, promiseRequest{Proposal: *p, Unanimous: true}) {
		if err != nil {
			f.node.log.Debug("founder not told", "server", id, "error", err)
		}
	}
}

func (f *founding) callAll(ctx context.Context, r promiseRequest) map[string]error {
	body, err := json.Marshal(r)
	results := map[string]error{}
	if err != nil {
		return map[string]error{"": err}
	}
	ctx, cancel := context.WithTimeout(ctx, f.node.timing.rpc)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, s := range r.Proposal.Servers {
		if s.ID == f.node.cfg.ID {
			continue
		}
		wg.Go(func() {
			_, err := f.node.client.Call(ctx, endpoint(s.ID, s.Address), callPromise, body)
			mu.Lock()
			defer mu.Unlock()
			results[s.ID] = err
		})
	}
	wg.Wait()
	return results
}

// drop forgets a promise whose proposal is dead.
func (f *founding) drop(p *proposal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if have := f.node.guard.Note().Promise; have == nil || have.ID != p.ID {
		return
	}
	if err := f.node.guard.update(func(n *electorNote) { n.refuse(p.ID) }); err != nil {
		f.node.log.Warn("cannot drop a promise", "error", err)
	}
}

// found writes the configuration that all have promised.
func (f *founding) found(p *proposal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.node
	for _, s := range n.configuration() {
		if !p.has(string(s.ID)) {
			return nil // of another cluster
		}
	}
	// All founders were fresh, so none has forgotten anything. From here on the
	// right to vote hangs on having the configuration only.
	if err := n.guard.update(func(note *electorNote) { note.Abstain = false }); err != nil {
		return err
	}
	if n.founded() {
		return nil // the leader was quicker
	}
	err := n.raft.BootstrapCluster(p.configuration()).Error()
	if err != nil && !errors.Is(err, hraft.ErrCantBootstrap) {
		return fmt.Errorf("write the first configuration: %w", err)
	}
	if err == nil {
		n.log.Info("cluster founded", "servers", len(p.Servers))
	}
	return nil
}

// answer serves callPromise.
func (f *founding) answer(_ context.Context, req []byte) ([]byte, error) {
	var r promiseRequest
	if err := json.Unmarshal(req, &r); err != nil {
		return nil, api.E(api.Invalid, "undecodable proposal")
	}
	if err := f.promise(&r.Proposal); err != nil {
		return nil, err
	}
	if r.Unanimous {
		return nil, f.found(&r.Proposal)
	}
	return nil, nil
}

func (f *founding) promise(p *proposal) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.node
	note := n.guard.Note()
	if note.Promise != nil && note.Promise.ID == p.ID {
		return nil
	}
	reason := ""
	switch {
	case n.founded():
		reason = "belongs to a cluster"
	case slices.Contains(note.Refused, p.ID):
		reason = "has refused this before"
	case note.Promise != nil:
		reason = "has promised to found another cluster"
	case n.cfg.NonVoter || n.cfg.BootstrapExpect != len(p.Servers) || !p.has(n.cfg.ID):
		reason = fmt.Sprintf("expects %d servers", n.cfg.BootstrapExpect)
	default:
		return n.guard.update(func(note *electorNote) { note.Promise = p })
	}
	if err := n.guard.update(func(note *electorNote) { note.refuse(p.ID) }); err != nil {
		return err
	}
	return api.E(api.Refused, fmt.Sprintf("server %q %s", n.cfg.Name, reason))
}
