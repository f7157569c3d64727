package raft

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/registryd/registryd/pkg/api"
)

// callIdentify introduces two servers to each other: request and answer are an
// introduction in JSON.
const callIdentify = "raft.identify"

// introduction is what servers tell each other of themselves.
type introduction struct {
	ID, Name, Datacenter string
	Address              string
	NonVoter             bool `json:",omitempty"`
	Expect               int  `json:",omitempty"`
	// Founded says that the server has a configuration: it belongs, or
	// belonged, to a cluster.
	Founded bool              `json:",omitempty"`
	Meta    map[string]string `json:",omitempty"`
	// Leader and LeaderAddress are what it knows of the leader.
	Leader        string `json:",omitempty"`
	LeaderAddress string `json:",omitempty"`
	// Peers are further servers it knows.
	Peers []string `json:",omitempty"`
	// Run names what the server does since it was started or told to join, and
	// Removed are runs that an operator removed, see removals.go.
	Run     string   `json:",omitempty"`
	Removed []string `json:",omitempty"`
}

// roster is what this server has heard of others, by ID.
type roster struct {
	mu    sync.Mutex
	known map[string]acquaintance
}

type acquaintance struct {
	introduction
	// verified is when the server answered at its address, zero if it only
	// said so itself.
	verified time.Time
}

// maxKnown bounds the roster: anybody who reaches the port can introduce itself.
const maxKnown = 256

// note keeps an introduction and reports whether it says anything new.
func (r *roster) note(i introduction, verified bool) (news bool) {
	slices.Sort(i.Peers)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]acquaintance{}
	}
	a := acquaintance{introduction: i}
	old, ok := r.known[i.ID]
	if !ok && len(r.known) >= maxKnown {
		return false
	}
	if verified {
		a.verified = time.Now()
	} else if ok && old.Address == i.Address {
		a.verified = old.verified
	}
	r.known[i.ID] = a
	return !ok || !reflect.DeepEqual(old.introduction, i)
}

func (r *roster) get(id string) (acquaintance, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.known[id]
	return a, ok
}

func (r *roster) all() map[string]acquaintance {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.known)
}

// doubt forgets that addresses were verified.
func (r *roster) doubt(ids ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		if a, ok := r.known[id]; ok {
			a.verified = time.Time{}
			r.known[id] = a
		}
	}
}

// moved returns an address at which the server answered lately. It lets servers
// find each other although all their addresses changed while they were down, so
// that no majority could agree on new ones.
func (r *roster) moved(id string) (string, bool) {
	a, ok := r.get(id)
	if !ok || time.Since(a.verified) > time.Minute {
		return "", false
	}
	return a.Address, true
}

// introduce is what this server tells of itself.
func (n *Node) introduce() introduction {
	i := introduction{
		ID: n.cfg.ID, Name: n.cfg.Name, Datacenter: n.cfg.Datacenter, Address: n.cfg.Advertise,
		NonVoter: n.cfg.NonVoter, Expect: n.cfg.BootstrapExpect, Meta: n.cfg.Meta,
		Founded: n.founded(), Run: n.joiner.presentRun(), Removed: n.removals.all(),
	}
	i.LeaderAddress, i.Leader = n.Leader()
	for _, a := range n.roster.all() {
		i.Peers = append(i.Peers, a.Address)
	}
	return i
}

// founded reports whether this server has a configuration.
func (n *Node) founded() bool { return len(n.configuration()) > 0 }

// member reports whether this server is part of its configuration.
func (n *Node) member() bool {
	_, ok := n.find(n.cfg.ID)
	return ok
}

// configuration returns the servers of the latest configuration.
func (n *Node) configuration() []hraft.Server {
	return n.raft.GetConfiguration().Configuration().Servers
}

// find returns a server of the latest configuration.
func (n *Node) find(id string) (hraft.Server, bool) {
	for _, s := range n.configuration() {
		if string(s.ID) == id {
			return s, true
		}
	}
	return hraft.Server{}, false
}

// stillAt reports whether the latest configuration has the server at no other
// address.
func (n *Node) stillAt(id hraft.ServerID, addr hraft.ServerAddress) bool {
	s, ok := n.find(string(id))
	return !ok || s.Address == addr
}

// identify introduces this server to the one at addr.
func (n *Node) identify(ctx context.Context, addr string) (introduction, error) {
	var i introduction
	req, err := json.Marshal(n.introduce())
	if err != nil {
		return i, fmt.Errorf("encode introduction: %w", err)
	}
	body, err := n.client.Call(ctx, addr, callIdentify, req)
	if err != nil {
		return i, err
	}
	if err := json.Unmarshal(body, &i); err != nil {
		return i, fmt.Errorf("decode introduction: %w", err)
	}
	if i.Datacenter != n.cfg.Datacenter {
		return i, n.foreign(i)
	}
	n.removals.note(i.Removed...)
	if i.ID == n.cfg.ID {
		if i.Address != n.cfg.Advertise {
			return i, api.E(api.Refused, fmt.Sprintf("server at %s has the same ID %s as this one", addr, i.ID))
		}
		return i, nil
	}
	n.roster.note(i, i.Address == addr)
	return i, nil
}

func (n *Node) foreign(i introduction) error {
	return api.E(api.Refused, fmt.Sprintf("server %q at %s is of datacenter %q, this is %q", i.Name, i.Address, i.Datacenter, n.cfg.Datacenter))
}

func (n *Node) answerIdentify(_ context.Context, req []byte) ([]byte, error) {
	var i introduction
	if err := json.Unmarshal(req, &i); err != nil || i.ID == "" {
		return nil, api.E(api.Invalid, "undecodable introduction")
	}
	if i.Datacenter == n.cfg.Datacenter && i.ID != n.cfg.ID {
		n.removals.note(i.Removed...)
		// What is known already wakes nobody: the answer to it would be an
		// introduction, and that would wake the other.
		if n.roster.note(i, false) {
			n.nudge()
		}
	}
	return json.Marshal(n.introduce())
}
