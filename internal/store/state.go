package store

import (
	"slices"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"github.com/registryd/registryd/pkg/api"
)

// State is the whole registry at one raft index. It is immutable, and so is
// everything reachable from it: hold it as long as you like, never change
// anything in it. The watches and caches in it are safe for concurrent use.
type State struct {
	index uint64 // of the log
	term  uint64
	// offset added to an index of the log gives the index that clients see. It
	// is 0 until a snapshot of a cluster with higher indexes is restored.
	offset uint64
	// restored is the index of the last restore, 0 if there was none. All that is
	// older is answered with it.
	restored uint64

	nodes    *iradix.Tree[*NodeView]    // by NodeKey
	probed   *iradix.Tree[*NodeView]    // the nodes with checks that the cluster runs
	due      *iradix.Tree[struct{}]     // what is to be done about checks, by time
	observed *iradix.Tree[struct{}]     // NodeKey, 0, IDKey of the check: the checks that several servers run
	guarded  *iradix.Tree[struct{}]     // ServiceKey, 0, NodeKey, 0, IDKey of the check
	nodeIDs  *iradix.Tree[string]       // node ID to NodeKey
	refuges  []string                   // NodeKeys of the refuges, in order
	services *iradix.Tree[*ServiceView] // by ServiceKey; with the ghosts
	ghosts   ghosts
	// nodeGone is the index of the last removal of a node, at least 1.
	nodeGone uint64

	tables [tableCount]*Table

	kv       kvState
	sessions sessionState
	queries  queryState
	events   eventState
	misc     miscState
	upload   upload
	history  historyState
}

func emptyState() *State {
	s := &State{
		nodes:    iradix.New[*NodeView](),
		probed:   iradix.New[*NodeView](),
		due:      iradix.New[struct{}](),
		observed: iradix.New[struct{}](),
		guarded:  iradix.New[struct{}](),
		nodeIDs:  iradix.New[string](),
		services: iradix.New[*ServiceView](),
		ghosts:   ghosts{floor: 1},
		nodeGone: 1,
		kv:       emptyKV(),
		sessions: emptySessions(),
		queries:  emptyQueries(),
		misc:     emptyMisc(),
		history:  emptyHistory(),
	}
	for i := range s.tables {
		s.tables[i] = &Table{Index: 1}
	}
	return s
}

// Index returns the index that clients see of the last command in the state, 0
// if empty. It never runs backwards, not even when a snapshot is restored.
func (s *State) Index() uint64 { return s.index + s.offset }

// Position returns index and term of that command in the log.
func (s *State) Position() (index, term uint64) { return s.index, s.term }

// Table returns the present version of a table.
func (s *State) Table(id TableID) *Table { return s.tables[id] }

// Service returns the view of a service name and ok. The view of a name whose
// last instance has gone has no instances and keeps its index; when the name
// is not known at all the view is nil, and absent is closed when it may have
// appeared (a false alarm is possible: look again).
func (s *State) Service(name string) (v *ServiceView, absent <-chan struct{}) {
	ch, v, ok := s.services.Root().GetWatch([]byte(ServiceKey(name)))
	if !ok {
		return nil, ch
	}
	return v, nil
}

// Node returns the view of a node by name. When there is none the view is nil
// and absent is closed when it may have appeared.
func (s *State) Node(name string) (v *NodeView, absent <-chan struct{}) {
	ch, v, ok := s.nodes.Root().GetWatch([]byte(NodeKey(name)))
	if !ok {
		return nil, ch
	}
	return v, nil
}

// NodeByID returns the view of the node with the ID (a UUID), nil if none.
func (s *State) NodeByID(id string) *NodeView {
	key, ok := s.nodeIDs.Get([]byte(lower(id)))
	if !ok {
		return nil
	}
	v, _ := s.nodes.Get([]byte(key))
	return v
}

// Nodes calls f for each node in order of name until it returns false.
func (s *State) Nodes(f func(*NodeView) bool) {
	s.nodes.Root().Walk(func(_ []byte, v *NodeView) bool { return !f(v) })
}

// ProbedNodes calls f for each node that has checks the cluster runs, in order
// of name, until it returns false.
func (s *State) ProbedNodes(f func(*NodeView) bool) {
	s.probed.Root().Walk(func(_ []byte, v *NodeView) bool { return !f(v) })
}

// NodeCount returns the number of nodes.
func (s *State) NodeCount() int { return s.nodes.Len() }

// Services calls f for each service that has instances, in order of name,
// until it returns false.
func (s *State) Services(f func(*ServiceView) bool) {
	s.services.Root().Walk(func(_ []byte, v *ServiceView) bool {
		return len(v.Instances) > 0 && !f(v)
	})
}

// AbsentIndex is the index of a service or node name that nobody has and
// whose removal is forgotten. It is at least 1.
func (s *State) AbsentIndex() uint64 { return s.ghosts.floor }

// AbsentNodeIndex is the index of a node name that nobody has: that of the
// last removal of a node. It is at least 1.
func (s *State) AbsentNodeIndex() uint64 { return s.nodeGone }

// ServerNodes returns the nodes that run a registry server (those with an
// instance of the service "consul"), in order of name.
func (s *State) ServerNodes() []*NodeView {
	v, ok := s.services.Get([]byte(ServerService))
	if !ok {
		return nil
	}
	var l []*NodeView
	for _, i := range v.Instances {
		if n, ok := s.nodes.Get([]byte(NodeKey(i.Node.Node))); ok && (len(l) == 0 || l[len(l)-1] != n) {
			l = append(l, n)
		}
	}
	return l
}

// AgentNodes returns the nodes that have what was registered through agent
// endpoints: the servers' in order of name, those left behind by former servers,
// and the refuges of what no server could take.
func (s *State) AgentNodes() []*NodeView {
	l := s.ServerNodes()
	for _, key := range slices.Concat(s.leftBehind(), s.refuges) {
		if n, ok := s.nodes.Get([]byte(key)); ok && !slices.Contains(l, n) {
			l = append(l, n)
		}
	}
	return l
}

// ServerService is the name of the service that each server registers for
// itself; Consul's name, since clients look for it.
const ServerService = "consul"

// Alive reports whether a server's node passes its serfHealth check. A node
// without that check is not a server of ours and counts as alive.
func (v *NodeView) Alive() bool {
	c := v.Check(api.SerfHealth)
	return c == nil || c.Status == api.Passing
}
