package store

import (
	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"github.com/registryd/registryd/pkg/api"
)

// sessionState is the sessions with the ways to find them. Only byID and the
// lock delays are records; the others are made from them.
type sessionState struct {
	byID    *iradix.Tree[*api.Session]
	byNode  *iradix.Tree[struct{}] // NodeKey, 0, ID
	byCheck *iradix.Tree[struct{}] // NodeKey, 0, IDKey of the check, 0, ID
	locks   *iradix.Tree[struct{}] // ID, 0, key: what each session holds
	delays  lockDelays
}

func emptySessions() sessionState {
	return sessionState{
		byID:    iradix.New[*api.Session](),
		byNode:  iradix.New[struct{}](),
		byCheck: iradix.New[struct{}](),
		locks:   iradix.New[struct{}](),
		delays:  lockDelays{byKey: iradix.New[int64](), byTime: iradix.New[struct{}]()},
	}
}

// Session returns a session, nil if there is none. Answers about sessions
// have the index and the watch of TableSessions.
func (s *State) Session(id string) *api.Session {
	v, _ := s.sessions.byID.Get([]byte(id))
	return v
}

// Sessions calls f for each session in order of ID until it returns false.
func (s *State) Sessions(f func(*api.Session) bool) {
	s.sessions.byID.Root().Walk(func(_ []byte, v *api.Session) bool { return !f(v) })
}

// SessionCount returns the number of sessions.
func (s *State) SessionCount() int { return s.sessions.byID.Len() }

// NodeSessions returns the sessions of a node in order of ID.
func (s *State) NodeSessions(node string) []*api.Session {
	return s.sessions.listed(s.sessions.byNode, NodeKey(node)+"\x00")
}

// listed returns the sessions whose IDs follow prefix in one of the trees.
func (s *sessionState) listed(tree *iradix.Tree[struct{}], prefix string) []*api.Session {
	var l []*api.Session
	tree.Root().WalkPrefix([]byte(prefix), func(k []byte, _ struct{}) bool {
		if v, ok := s.byID.Get(k[len(prefix):]); ok {
			l = append(l, v)
		}
		return false
	})
	return l
}

// add puts a session into all trees.
func (s *sessionState) add(v *api.Session) {
	s.byID, _, _ = s.byID.Insert([]byte(v.ID), v)
	s.byNode, _, _ = s.byNode.Insert([]byte(NodeKey(v.Node)+"\x00"+v.ID), struct{}{})
	for _, id := range sessionChecks(v) {
		s.byCheck, _, _ = s.byCheck.Insert(sessionCheckKey(v, id), struct{}{})
	}
}

// drop takes a session out of all trees.
func (s *sessionState) drop(v *api.Session) {
	s.byID, _, _ = s.byID.Delete([]byte(v.ID))
	s.byNode, _, _ = s.byNode.Delete([]byte(NodeKey(v.Node) + "\x00" + v.ID))
	for _, id := range sessionChecks(v) {
		s.byCheck, _, _ = s.byCheck.Delete(sessionCheckKey(v, id))
	}
}

func sessionCheckKey(v *api.Session, check string) []byte {
	return []byte(NodeKey(v.Node) + "\x00" + IDKey(check) + "\x00" + v.ID)
}

// sessionChecks returns the IDs of all checks that a session depends on.
func sessionChecks(v *api.Session) []string {
	if len(v.ServiceChecks) == 0 {
		return v.NodeChecks
	}
	ids := append([]string(nil), v.NodeChecks...)
	for _, c := range v.ServiceChecks {
		ids = append(ids, c.ID)
	}
	return ids
}

// held returns the keys that a session holds.
func (s *sessionState) held(id string) []string {
	var keys []string
	s.locks.Root().WalkPrefix([]byte(id+"\x00"), func(k []byte, _ struct{}) bool {
		keys = append(keys, string(k[len(id)+1:]))
		return false
	})
	return keys
}

// moveLock follows a pair's change in the index of held keys.
func (d *draft) moveLock(old, p *api.KVPair) {
	was, is := "", ""
	if old != nil {
		was = old.Session
	}
	if p != nil {
		is = p.Session
	}
	if was == is {
		return
	}
	s := &d.next.sessions
	if was != "" {
		s.locks, _, _ = s.locks.Delete([]byte(was + "\x00" + old.Key))
	}
	if is != "" {
		s.locks, _, _ = s.locks.Insert([]byte(is+"\x00"+p.Key), struct{}{})
	}
}
