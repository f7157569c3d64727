package store

import (
	"cmp"
	"slices"
	"time"
)

// FormerServer is a server that left the cluster or was removed from it, as it
// is remembered for who asks for the members.
type FormerServer struct {
	ID       string // of its node
	Name     string
	Address  string
	Port     int // of the server port
	Version  string
	NonVoter bool
	Left     time.Time // when its node left the catalog, by the leader's clock
}

// maxFormer bounds how many former servers are remembered; the oldest is
// forgotten for a new one.
const maxFormer = 64

// ServerLeft takes the node of a server that is no longer one out of the
// catalog and remembers it as a former server; if there is no such node, it
// does neither. Then it forgets what it is told to. What the node carried and
// can live on must have been moved before, by Liveness.
type ServerLeft struct {
	Node   string
	Prune  bool     // do not remember it
	Forget []string // IDs of former servers
	By     By
}

// FormerServers returns the servers that left, in order of ID.
func (s *State) FormerServers() []*FormerServer { return s.misc.former }

func (*ServerLeft) kind() byte { return kindServerLeft }

func (c *ServerLeft) apply(d *draft) Result {
	if n := d.node(NodeKey(c.Node)); n != nil {
		f := formerOf(n, d.now)
		d.removeNode(n)
		if !c.Prune {
			d.remember(f)
		}
	}
	for _, id := range c.Forget {
		d.forget(id)
	}
	return done
}

// formerOf is how a server's node is remembered.
func formerOf(n *nodeDraft, now time.Time) *FormerServer {
	f := &FormerServer{ID: n.node.ID, Name: n.node.Node, Address: n.node.Address, Left: time.Unix(0, now.UnixNano()).UTC()}
	for _, i := range n.instances {
		if i.Service.ID == ServerService {
			f.Port, f.Version, f.NonVoter = i.Service.Port, i.Service.Meta["version"], i.Service.Meta["non_voter"] == "true"
		}
	}
	return f
}

func (d *draft) remember(f *FormerServer) {
	d.forget(f.ID)
	at, _ := d.findFormer(f.ID)
	d.next.misc.former = slices.Insert(slices.Clone(d.next.misc.former), at, f)
	d.records.put(bucketMisc, miscFormer+f.ID, f)
	if l := d.next.misc.former; len(l) > maxFormer {
		oldest := slices.MinFunc(l, func(a, b *FormerServer) int {
			return cmp.Or(a.Left.Compare(b.Left), cmp.Compare(a.ID, b.ID))
		})
		d.forget(oldest.ID)
	}
}

func (d *draft) forget(id string) {
	if at, ok := d.findFormer(id); ok {
		d.next.misc.former = slices.Delete(slices.Clone(d.next.misc.former), at, at+1)
		d.records.remove(bucketMisc, miscFormer+id)
	}
}

func (d *draft) findFormer(id string) (int, bool) {
	return slices.BinarySearchFunc(d.next.misc.former, id, func(f *FormerServer, id string) int { return cmp.Compare(f.ID, id) })
}

func (c *ServerLeft) appendTo(b []byte) []byte {
	b = putBool(putString(b, 1, c.Node), 2, c.Prune)
	b = putStrings(b, 3, c.Forget)
	return putBy(b, 4, &c.By)
}

func decodeServerLeft(b []byte) (Command, error) {
	c := &ServerLeft{}
	return c, fields(b, func(f field) error {
		switch f.num {
		case 1:
			c.Node = f.str()
		case 2:
			c.Prune = f.bool()
		case 3:
			c.Forget = append(c.Forget, f.str())
		case 4:
			return decodeBy(f.bytes, &c.By)
		}
		return nil
	})
}

func appendFormer(b []byte, f *FormerServer) []byte {
	b = putString(putString(putString(b, 1, f.ID), 2, f.Name), 3, f.Address)
	b = putString(putUint(b, 4, uint64(f.Port)), 5, f.Version)
	return putUint(putBool(b, 6, f.NonVoter), 7, uint64(f.Left.UnixNano()))
}

func decodeFormer(b []byte, s *FormerServer) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			s.ID = f.str()
		case 2:
			s.Name = f.str()
		case 3:
			s.Address = f.str()
		case 4:
			s.Port = int(f.u)
		case 5:
			s.Version = f.str()
		case 6:
			s.NonVoter = f.bool()
		case 7:
			s.Left = time.Unix(0, int64(f.u)).UTC()
		}
		return nil
	})
}
