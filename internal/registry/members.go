package registry

import (
	"context"
	"net"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Membership is what the registry needs of raft about the set of servers.
type Membership interface {
	// Leader returns the leader's address and raft ID, empty if none is known.
	Leader() (addr, id string)
	// IsLeader reports whether this server believes to lead.
	IsLeader() bool
	// LastContact is the time since the leader was last heard of; 0 on it.
	LastContact() time.Duration
	// Servers returns raft's configuration and its index.
	Servers(ctx context.Context) ([]raft.ServerInfo, uint64, error)
	// RemoveServer and RemoveAddress take a server out of the set: NotFound if
	// there is none such, Refused if the rest would be no quorum.
	RemoveServer(ctx context.Context, id string) error
	RemoveAddress(ctx context.Context, addr string) error
	// TransferLeadership hands the leadership to the server with the ID, to any
	// that is fit if that is empty.
	TransferLeadership(ctx context.Context, id string) error
	// JoinCluster introduces this server at the addresses and returns how many
	// answered.
	JoinCluster(ctx context.Context, addrs []string) (int, error)
	// Leave takes this server out of the set; a leader hands over first.
	Leave(ctx context.Context) error
	// Stats are the figures that Consul shows under raft.
	Stats() map[string]string
}

// Cluster returns the operations on the set of servers.
func (r *Registry) Cluster() Membership { return r.cons }

// Members returns the servers as members, in order of name. Who they are comes
// from raft's configuration, how they are from the catalog; those that left are
// members with that status for a while.
func (r *Registry) Members(ctx context.Context) ([]*api.Member, error) {
	servers, _, err := r.cons.Servers(ctx)
	if err != nil {
		return nil, err
	}
	st := r.State()
	var l []*api.Member
	for _, s := range servers {
		l = append(l, r.member(st, s))
	}
	current := len(l)
	for _, f := range st.FormerServers() {
		if !isMember(l[:current], f) {
			l = append(l, r.formerMember(f))
		}
	}
	sort.Slice(l, func(i, j int) bool { return l[i].Name < l[j].Name })
	return l, nil
}

// member shows a server in the form Consul's gossip members have.
func (r *Registry) member(st *store.State, s raft.ServerInfo) *api.Member {
	host, port, _ := net.SplitHostPort(s.Address)
	p, _ := strconv.Atoi(port)
	m := &api.Member{Name: s.Name, Addr: host, Port: uint16(p), Status: api.MemberAlive, Tags: map[string]string{},
		ProtocolMin: 1, ProtocolMax: 5, ProtocolCur: 2, DelegateMin: 2, DelegateMax: 5, DelegateCur: 4}
	for k, v := range s.Meta {
		m.Tags[k] = v
	}
	m.Tags["id"], m.Tags["dc"], m.Tags["port"] = s.ID, r.cfg.Datacenter, port
	m.Tags["role"], m.Tags["raft_vsn"], m.Tags["vsn"], m.Tags["vsn_min"], m.Tags["vsn_max"] = "consul", "3", "2", "2", "3"
	if !s.Voter {
		m.Tags["nonvoter"] = "1"
	}
	if v := st.NodeByID(s.ID); v != nil {
		if m.Name == "" {
			m.Name = v.Node.Node
		}
		if !v.Alive() {
			m.Status = api.MemberFailed
		}
	}
	if m.Name == "" {
		m.Name = s.ID
	}
	return m
}

// leftFor is how long a server that left is still shown as a member that did:
// Consul's reconnect_timeout.
const leftFor = 72 * time.Hour

// isMember reports whether a former server, or another with its name, is among
// the members.
func isMember(members []*api.Member, f *store.FormerServer) bool {
	for _, m := range members {
		if m.Tags["id"] == f.ID || strings.EqualFold(m.Name, f.Name) {
			return true
		}
	}
	return false
}

// formerMember shows a server that left.
func (r *Registry) formerMember(f *store.FormerServer) *api.Member {
	m := r.member(r.State(), raft.ServerInfo{ID: f.ID, Name: f.Name, Address: net.JoinHostPort(f.Address, strconv.Itoa(f.Port)), Voter: !f.NonVoter})
	m.Status = api.MemberLeft
	m.Tags["version"], m.Tags["build"] = f.Version, f.Version+":registryd"
	return m
}

// forgettable returns the IDs of former servers that are members again, and of
// those that left too long ago.
func (r *Registry) forgettable(servers []raft.ServerInfo, now time.Time) (back, expired []string) {
	st := r.State()
	var members []*api.Member
	for _, s := range servers {
		members = append(members, r.member(st, s))
	}
	for _, f := range st.FormerServers() {
		switch {
		case isMember(members, f):
			back = append(back, f.ID)
		case now.Sub(f.Left) >= leftFor:
			expired = append(expired, f.ID)
		}
	}
	return back, expired
}

// ForceLeave takes a failed server out of the cluster by name, with all that its
// node has in the catalog, and with prune out of the list of members, where one
// that left would still be shown. NotFound texts are Consul's, whose status for
// them is 500.
func (r *Registry) ForceLeave(ctx context.Context, name string, prune bool) error {
	members, err := r.Members(ctx)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Name != name {
			continue
		}
		id := m.Tags["id"]
		switch m.Status {
		case api.MemberAlive:
			return nil // Consul lets a living member refute it
		case api.MemberFailed:
			if err := r.cons.RemoveServer(ctx, id); err != nil {
				return err
			}
		}
		return r.forgetServer(ctx, id, prune)
	}
	return api.E(api.Refused, "agent: No node found with name '"+name+"'")
}

// forgetServer takes what the catalog has of a server that is none any more out
// of it. It stays among the members as one that left, unless prune is set.
func (r *Registry) forgetServer(ctx context.Context, id string, prune bool) error {
	if v := r.State().NodeByID(id); v != nil {
		cmd := &store.ServerLeft{Node: v.Node.Node, Prune: prune, By: store.By{Reason: "the server was told to leave"}}
		if err := r.dropServer(ctx, cmd); err != nil {
			return err
		}
	}
	if !prune {
		return nil
	}
	_, err := r.propose(ctx, &store.ServerLeft{Forget: []string{id}})
	return err
}
