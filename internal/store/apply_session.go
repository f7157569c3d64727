package store

import (
	"slices"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

func (c *SessionCreate) apply(d *draft) Result {
	s := c.Session
	n := d.node(NodeKey(s.Node))
	if n == nil {
		return refuse(api.Refused, "Missing node registration")
	}
	if _, taken := d.next.sessions.byID.Get([]byte(s.ID)); taken || s.ID == "" {
		return refuse(api.Refused, "session ID %q cannot be used", s.ID)
	}
	for _, id := range sessionChecks(&s) {
		k := n.check(id)
		if k == nil {
			return refuse(api.Refused, "Missing check '%s' registration", id)
		}
		if k.Status == api.Critical {
			return refuse(api.Refused, "Check '%s' is in %s state", id, k.Status)
		}
	}
	s.Node = n.node.Node
	s.CreateIndex, s.ModifyIndex = d.index, d.index
	d.setSession(&s)
	return done
}

func (c *SessionDestroy) apply(d *draft) Result {
	if s, ok := d.next.sessions.byID.Get([]byte(c.ID)); ok {
		d.endSession(s)
	}
	return done
}

func (d *draft) setSession(s *api.Session) {
	d.next.sessions.add(s)
	d.touch(TableSessions)
	d.records.put(bucketSessions, s.ID, s)
}

// endSession takes a session away, with its locks and its queries. The keys it
// held cannot be acquired for its lock delay.
func (d *draft) endSession(s *api.Session) {
	d.next.sessions.drop(s)
	d.touch(TableSessions)
	d.records.remove(bucketSessions, s.ID)
	for _, key := range d.next.sessions.held(s.ID) {
		if s.Behavior == api.SessionDelete {
			d.deleteKey(key)
		} else if old := d.kv().get(key); old != nil {
			p := *old
			p.Session, p.ModifyIndex = "", d.index
			d.putPair(old, p)
		}
		d.delayLock(key, time.Duration(s.LockDelay))
	}
	d.endQueries(s.ID)
}

// needSession says why the session cannot acquire a lock, nil if it can.
func (d *draft) needSession(id string) error {
	if id == "" {
		return api.E(api.Refused, "missing session")
	}
	if _, ok := d.next.sessions.byID.Get([]byte(id)); !ok {
		return api.E(api.Refused, "invalid session "+quote(id))
	}
	return nil
}

// checkMoved ends the sessions that depend on a check that has turned
// critical.
func (d *draft) checkMoved(n *nodeDraft, c *api.Check) {
	if c.Status == api.Critical {
		d.checkGone(n, c.CheckID)
	}
}

// checkGone ends the sessions that depend on a check that is no more.
func (d *draft) checkGone(n *nodeDraft, id string) {
	s := &d.next.sessions
	for _, v := range s.listed(s.byCheck, n.key+"\x00"+IDKey(id)+"\x00") {
		d.endSession(v)
	}
}

// nodeGone ends what belongs to a node that is no more: its sessions and its
// coordinates.
func (d *draft) nodeGone(n *nodeDraft) {
	s := &d.next.sessions
	for _, v := range s.listed(s.byNode, n.key+"\x00") {
		d.endSession(v)
	}
	d.dropCoordinates(n.key)
}

// handOverSessions moves sessions of a failed server to live ones. A session
// that has a TTL and no checks but the server's own liveness says by itself
// whether its owner lives; which server it was made through does not matter to
// it. The others end with the server's serfHealth.
func (d *draft) handOverSessions(from *nodeDraft, heirs []string) {
	s := &d.next.sessions
	for _, old := range s.listed(s.byNode, from.key+"\x00") {
		if !hasTTL(old) || len(old.ServiceChecks) > 0 || !slices.Equal(old.NodeChecks, []string{api.SerfHealth}) {
			continue
		}
		to := d.node(NodeKey(rendezvous(heirs, from.key, old.ID)))
		if to == nil || to.check(api.SerfHealth) == nil {
			continue
		}
		moved := *old
		moved.Node, moved.ModifyIndex = to.node.Node, d.index
		s.drop(old)
		d.setSession(&moved)
	}
}

// hasTTL reports whether a session ends when it is not renewed.
func hasTTL(s *api.Session) bool {
	ttl, err := time.ParseDuration(s.TTL)
	return err == nil && ttl > 0
}
