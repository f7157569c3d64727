package store

import (
	"hash/fnv"
	"slices"

	"github.com/registryd/registryd/pkg/api"
)

// Owner returns the name of the server that runs a check of a node: the node
// itself if it is one of our servers and alive, else the live server that
// rendezvous hashing gives (so that few checks move when the set of live
// servers changes). Empty when no server lives, or the only one that could run
// the check does not.
//
// It is a pure function of the state: all servers agree on it at one index.
func (s *State) Owner(v *NodeView, c *api.Check) string {
	return OwnerAmong(s.LiveServers(), v.Node, c)
}

// LiveServers returns the names of the servers that are alive, in order.
func (s *State) LiveServers() []string {
	var live []string
	for _, n := range s.ServerNodes() {
		if n.Alive() {
			live = append(live, n.Node.Node)
		}
	}
	return live
}

// OwnerAmong is Owner for a known set of live servers.
func OwnerAmong(live []string, node *api.Node, c *api.Check) string {
	for _, l := range live {
		if NodeKey(l) == NodeKey(node.Node) {
			return l
		}
	}
	if tied(node, c) != "" {
		return ""
	}
	return rendezvous(live, node.Node, c.CheckID)
}

// rendezvous returns the name with the highest score for the item; empty when
// there are no names.
func rendezvous(names []string, node, item string) string {
	var best string
	var high uint64
	for _, l := range names {
		if x := score(l, node, item); best == "" || x > high {
			best, high = l, x
		}
	}
	return best
}

func score(name, node, item string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(lower(name) + "\x00" + lower(node) + "\x00" + item))
	// FNV alone barely mixes its last bytes; this spreads them.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

// liveServers is LiveServers within a draft. The set is looked up once and
// dropped whenever a server's node or serfHealth changes.
func (d *draft) liveServers() []string {
	if d.live == nil {
		d.live = []string{}
		for _, n := range d.serverNodes() {
			if c := n.check(api.SerfHealth); c == nil || c.Status == api.Passing {
				d.live = append(d.live, n.node.Node)
			}
		}
	}
	return d.live
}

// serverNodes returns the nodes with an instance of ServerService, by key.
func (d *draft) serverNodes() []*nodeDraft {
	keys := map[string]bool{}
	if v, ok := d.base.services.Get([]byte(ServerService)); ok {
		for _, i := range v.Instances {
			keys[NodeKey(i.Node.Node)] = true
		}
	}
	if sd := d.services[ServerService]; sd != nil {
		for k := range sd.changes {
			keys[k.node] = true
		}
	}
	var l []*nodeDraft
	for _, key := range sortedKeys(keys) {
		if n := d.node(key); n != nil && n.runsServer() {
			l = append(l, n)
		}
	}
	return l
}

// agentNodes is AgentNodes within a draft.
func (d *draft) agentNodes() []*nodeDraft {
	l := d.serverNodes()
	for _, key := range slices.Concat(d.next.leftBehind(), d.next.refuges) {
		if n := d.node(key); n != nil && !slices.Contains(l, n) {
			l = append(l, n)
		}
	}
	return l
}

func (n *nodeDraft) runsServer() bool {
	for _, i := range n.instances {
		if ServiceKey(i.Service.Service) == ServerService {
			return true
		}
	}
	return false
}
