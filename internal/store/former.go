package store

import (
	"cmp"
	"slices"
	"time"

	"github.com/registryd/registryd/pkg/api"
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
	// Keep leaves the node in the catalog, without its server, as long as it
	// carries anything of its own: the server may come back to it.
	Keep bool
	// Expire are IDs of former servers that are forgotten with the nodes that
	// were kept of them.
	Expire []string
	By     By
}

// FormerServers returns the servers that left, in order of ID.
func (s *State) FormerServers() []*FormerServer { return s.misc.former }

func (*ServerLeft) kind() byte { return kindServerLeft }

func (c *ServerLeft) apply(d *draft) Result {
	if n := d.node(NodeKey(c.Node)); n != nil {
		f := d.formerOf(n)
		if c.Keep && !c.Prune && n.node.ID != "" && n.carries() {
			d.removeServer(n)
		} else {
			d.removeNode(n)
		}
		if !c.Prune {
			d.remember(f)
		}
	}
	for _, id := range c.Forget {
		d.forget(id)
	}
	for _, id := range c.Expire {
		d.expire(id)
	}
	return done
}

// carries reports whether a server's node has anything but what every server's
// has.
func (n *nodeDraft) carries() bool {
	for _, i := range n.instances {
		if ServiceKey(i.Service.Service) != ServerService {
			return true
		}
	}
	for _, c := range n.checks {
		if c.CheckID != api.SerfHealth && ServiceKey(c.ServiceName) != ServerService {
			return true
		}
	}
	return false
}

// removeServer makes a server's node one of no server.
func (d *draft) removeServer(n *nodeDraft) {
	for _, i := range slices.Clone(n.instances) {
		if ServiceKey(i.Service.Service) == ServerService {
			d.removeService(n, i.Service.ID)
		}
	}
}

// leftBehind returns the nodes that were kept of former servers, in order of
// their IDs.
func (s *State) leftBehind() (keys []string) {
	for _, f := range s.misc.former {
		if key, ok := s.nodeIDs.Get([]byte(lower(f.ID))); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// isLeftBehind reports whether the node is what was kept of a former server.
func (d *draft) isLeftBehind(n *nodeDraft) bool {
	_, former := d.findFormer(n.node.ID)
	return former && n.node.ID != "" && !n.runsServer()
}

// expire forgets a former server with what was kept of it.
func (d *draft) expire(id string) {
	if key, ok := d.next.nodeIDs.Get([]byte(lower(id))); ok {
		if n := d.node(key); n != nil && d.isLeftBehind(n) {
			d.because("its server left too long ago", func() { d.removeNode(n) })
		}
	}
	d.forget(id)
}

// formerOf is how a server's node is remembered: as before if only the node of
// a former server is left.
func (d *draft) formerOf(n *nodeDraft) *FormerServer {
	f := &FormerServer{ID: n.node.ID, Name: n.node.Node, Address: n.node.Address, Left: time.Unix(0, d.now.UnixNano()).UTC()}
	if at, ok := d.findFormer(f.ID); ok && !n.runsServer() {
		old := *d.next.misc.former[at]
		old.Left = f.Left
		return &old
	}
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
		d.expire(oldest.ID)
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
	b = putBool(putBy(b, 4, &c.By), 5, c.Keep)
	return putStrings(b, 6, c.Expire)
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
		case 5:
			c.Keep = f.bool()
		case 6:
			c.Expire = append(c.Expire, f.str())
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
