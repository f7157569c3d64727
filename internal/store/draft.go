package store

import (
	"slices"
	"strings"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// draft is the next State in the making. Commands of one batch work on the
// same draft; finish then builds each view that changed once, however many
// commands touched it.
type draft struct {
	base *State
	next State // a copy of base whose trees are replaced as they change

	index uint64    // of the command being applied
	now   time.Time // when the leader appended it
	by    By        // who asked for it
	quiet int       // above 0 nothing is noted, see quietly

	nodes    map[string]*nodeDraft    // by NodeKey
	services map[string]*serviceDraft // by ServiceKey
	tables   [tableCount]uint64       // new index of each touched table, else 0
	wake     []*Watch                 // to fire once the state is published
	after    []func()                 // to run once the state is published
	records  records                  // what the checkpoint has to write

	vacant []*nodeDraft // see vacated

	live  []string // cache of liveServers, nil when unknown
	moved bool     // liveServers may have changed in the present command
	lived []string // what they were before, if so
	texts interner // shared by all drafts of a store; may be nil

	keys *kvEdit // the tree of keys, nil until it is looked at

	heard uint64 // the watches of the history that have something to tell, a bit each

	replaced bool // base is a restored state: nothing of the old one is left
}

// nodeDraft is a node with changes. Its slices are the old view's until the
// first change of each.
type nodeDraft struct {
	key       string
	old       *NodeView // nil: the node is new
	node      *api.Node // nil: the node is gone
	instances []*Instance
	checks    []*api.Check

	ownInstances, ownChecks bool // the slices are copies and may be changed

	catalogIndex uint64 // index of the last change of each kind, 0 if none
	checksIndex  uint64
	allHealth    uint64          // a change that concerns all instances
	allCatalog   uint64          // one that the catalog answers show, too
	touched      map[string]bool // IDKeys of the instances that changed
	unsaid       bool            // something changed that no answer shows
	shrunk       bool            // something was removed
	probes       int             // see NodeView.Probes
}

// serviceDraft collects what happens to one service name.
type serviceDraft struct {
	health, catalog uint64
	changes         map[instanceKey]*Instance // nil: the instance is gone
	name            string
	first           *api.Service // some instance set in this draft
	shrunk          bool         // an instance or a check was removed
}

type instanceKey struct{ node, id string } // NodeKey, IDKey of the service ID

func newDraft(base *State) *draft {
	return &draft{base: base, next: *base, nodes: map[string]*nodeDraft{}, services: map[string]*serviceDraft{}, records: records{}}
}

// touch notes that a table has changed at the present index.
func (d *draft) touch(t TableID) { d.tables[t] = d.index }

// node returns the draft of a node for changing; nil if there is no such node.
func (d *draft) node(key string) *nodeDraft {
	if n, ok := d.nodes[key]; ok {
		if n.node == nil {
			return nil
		}
		return n
	}
	v, ok := d.base.nodes.Get([]byte(key))
	if !ok {
		return nil
	}
	n := &nodeDraft{key: key, old: v, node: v.Node, instances: v.Instances, checks: v.Checks, probes: v.Probes}
	d.nodes[key] = n
	return n
}

// service returns the collector of a service name's changes.
func (d *draft) service(name string) *serviceDraft {
	key := ServiceKey(name)
	s, ok := d.services[key]
	if !ok {
		s = &serviceDraft{changes: map[instanceKey]*Instance{}, name: name}
		d.services[key] = s
	}
	return s
}

// instance returns the instance on the node, nil if there is none. Its Node
// and NodeChecks may be out of date within a draft; Service and OwnChecks are
// not.
func (n *nodeDraft) instance(id string) *Instance {
	if i, ok := findInstance(n.instances, id); ok {
		return n.instances[i]
	}
	return nil
}

func (n *nodeDraft) check(id string) *api.Check {
	if i, ok := findCheck(n.checks, id); ok {
		return n.checks[i]
	}
	return nil
}

func (n *nodeDraft) touch(id string) {
	if n.touched == nil {
		n.touched = map[string]bool{}
	}
	n.touched[IDKey(id)] = true
}

// changedCatalog notes that the present command has changed what catalog answers
// show of the node, which who runs its checks may need to know.
func (d *draft) changedCatalog(n *nodeDraft) {
	n.catalogIndex = d.index
	if n.probes > 0 {
		d.touch(TableProbes)
	}
}

// changedChecks notes that it has changed checks of the node, of which probes
// were run before.
func (d *draft) changedChecks(n *nodeDraft, probes int) {
	n.checksIndex = d.index
	if probes > 0 || n.probes > 0 {
		d.touch(TableProbes)
	}
}

// setNode creates or replaces a node. The caller has set its indexes.
func (d *draft) setNode(node *api.Node) *nodeDraft {
	key := NodeKey(node.Node)
	n := d.node(key)
	if n == nil {
		old, _ := d.base.nodes.Get([]byte(key))
		n = &nodeDraft{key: key, old: old}
		d.nodes[key] = n
	}
	if n.node != nil && n.node.ID != "" && n.node.ID != node.ID {
		d.next.nodeIDs, _, _ = d.next.nodeIDs.Delete([]byte(lower(n.node.ID)))
	}
	if node.ID != "" {
		d.next.nodeIDs, _, _ = d.next.nodeIDs.Insert([]byte(lower(node.ID)), key)
	}
	d.noteNode(n.node, node)
	n.node = node
	d.followRefuge(key, node)
	d.changedCatalog(n)
	n.allHealth, n.allCatalog = d.index, d.index
	d.touch(TableNodes)
	d.records.put(bucketNodes, key, node)
	return n
}

// setService creates or replaces an instance. The caller has set its indexes.
func (d *draft) setService(n *nodeDraft, s *api.Service) {
	d.serverChanges(s.Service)
	inst := &Instance{Service: s}
	var before *api.Service
	i, found := findInstance(n.instances, s.ID)
	if !n.ownInstances {
		n.instances, n.ownInstances = slices.Clone(n.instances), true
	}
	if found {
		old := n.instances[i]
		inst.OwnChecks, before = old.OwnChecks, old.Service
		if ServiceKey(old.Service.Service) != ServiceKey(s.Service) {
			d.dropFromService(n, old.Service)
		}
		if old.Service.ID != s.ID {
			d.records.remove(bucketServices, n.key+"\x00"+old.Service.ID)
		}
		n.instances[i] = inst
	} else {
		n.instances = slices.Insert(n.instances, i, inst)
	}
	n.touch(s.ID)
	d.changedCatalog(n)
	sd := d.service(s.Service)
	sd.health, sd.catalog = d.index, d.index
	sd.changes[instanceKey{n.key, IDKey(s.ID)}] = inst
	sd.first = s
	d.touch(TableServices)
	d.records.put(bucketServices, n.key+"\x00"+s.ID, s)
	d.noteService(n, before, s)
}

// serverChanges notes, before it does, that a server's own service comes or
// goes.
func (d *draft) serverChanges(service string) {
	if ServiceKey(service) == ServerService {
		d.liveChanges()
	}
}

// liveChanges notes, before it does, that the set of live servers may change.
func (d *draft) liveChanges() {
	if !d.moved {
		d.moved, d.lived = true, d.liveServers()
	}
	d.live = nil
	d.tables[TableProbes] = d.index
}

func (d *draft) dropFromService(n *nodeDraft, s *api.Service) {
	sd := d.service(s.Service)
	sd.health, sd.catalog, sd.shrunk = d.index, d.index, true
	sd.changes[instanceKey{n.key, IDKey(s.ID)}] = nil
	n.shrunk = true
}

// removeService takes an instance away together with its checks.
func (d *draft) removeService(n *nodeDraft, id string) bool {
	i, found := findInstance(n.instances, id)
	if !found {
		return false
	}
	inst := n.instances[i]
	id = inst.Service.ID // as it is spelled
	d.serverChanges(inst.Service.Service)
	d.noteRemoved(n, id, inst.Service.Service, "", "", "")
	d.quietly(func() {
		for _, c := range inst.OwnChecks {
			d.removeCheck(n, c.CheckID)
		}
	})
	if !n.ownInstances {
		n.instances, n.ownInstances = slices.Clone(n.instances), true
	}
	n.instances = slices.Delete(n.instances, i, i+1)
	delete(n.touched, IDKey(id))
	d.changedCatalog(n)
	d.dropFromService(n, inst.Service)
	d.touch(TableServices)
	d.records.remove(bucketServices, n.key+"\x00"+id)
	d.vacated(n)
	return true
}

// setCheck creates or replaces a check. The caller has set its indexes, and
// the service of its ServiceID exists.
func (d *draft) setCheck(n *nodeDraft, c *api.Check) {
	if sameID(c.CheckID, api.SerfHealth) {
		d.liveChanges()
	}
	i, found := findCheck(n.checks, c.CheckID)
	var old *api.Check
	probes := n.probes
	if !n.ownChecks {
		n.checks, n.ownChecks = slices.Clone(n.checks), true
	}
	if found {
		old = n.checks[i]
		if !sameID(old.ServiceID, c.ServiceID) {
			d.detachCheck(n, old)
		}
		if old.CheckID != c.CheckID {
			d.records.remove(bucketChecks, n.key+"\x00"+old.CheckID)
		}
		if Runnable(old) {
			n.probes--
		}
		n.checks[i] = c
	} else {
		n.checks = slices.Insert(n.checks, i, c)
	}
	if Runnable(c) {
		n.probes++
	}
	d.attachCheck(n, c)
	d.follow(n.key, old, c)
	d.changedChecks(n, probes)
	d.touch(TableChecks)
	d.records.put(bucketChecks, n.key+"\x00"+c.CheckID, c)
	d.noteCheck(n, old, c)
	d.checkMoved(n, c)
}

// removeCheck takes a check away.
func (d *draft) removeCheck(n *nodeDraft, id string) bool {
	i, found := findCheck(n.checks, id)
	if !found {
		return false
	}
	c := n.checks[i]
	id = c.CheckID // as it is spelled
	if sameID(id, api.SerfHealth) {
		d.liveChanges()
	}
	d.noteRemoved(n, c.ServiceID, c.ServiceName, id, c.Status, "")
	if !n.ownChecks {
		n.checks, n.ownChecks = slices.Clone(n.checks), true
	}
	n.checks = slices.Delete(n.checks, i, i+1)
	probes := n.probes
	if Runnable(c) {
		n.probes--
	}
	d.detachCheck(n, c)
	d.follow(n.key, c, nil)
	d.changedChecks(n, probes)
	d.touch(TableChecks)
	d.records.remove(bucketChecks, n.key+"\x00"+id)
	d.checkGone(n, id)
	d.vacated(n)
	return true
}

// attachCheck puts a check into its instance's own list; a node's check
// concerns all instances, whose lists finish makes anew.
func (d *draft) attachCheck(n *nodeDraft, c *api.Check) {
	d.changeOwnChecks(n, c, func(l []*api.Check) []*api.Check { return withCheck(l, c) })
}

// withCheck returns a copy of a sorted list with the check in it.
func withCheck(l []*api.Check, c *api.Check) []*api.Check {
	j, found := findCheck(l, c.CheckID)
	l = slices.Clone(l)
	if found {
		l[j] = c
		return l
	}
	return slices.Insert(l, j, c)
}

func (d *draft) detachCheck(n *nodeDraft, c *api.Check) {
	n.shrunk = true
	if inst := n.instance(c.ServiceID); c.ServiceID != "" && inst != nil {
		d.service(inst.Service.Service).shrunk = true
	}
	d.changeOwnChecks(n, c, func(l []*api.Check) []*api.Check {
		j, found := findCheck(l, c.CheckID)
		if !found {
			return l
		}
		return slices.Delete(slices.Clone(l), j, j+1)
	})
}

func (d *draft) changeOwnChecks(n *nodeDraft, c *api.Check, change func([]*api.Check) []*api.Check) {
	if c.ServiceID == "" {
		n.allHealth = d.index
		return
	}
	if sd := d.replaceOwnChecks(n, c.ServiceID, change); sd != nil {
		sd.health = d.index
	}
}

// replaceOwnChecks changes the list of checks of an instance and returns its
// service, nil if there is no such instance. It says nothing to anybody.
func (d *draft) replaceOwnChecks(n *nodeDraft, id string, change func([]*api.Check) []*api.Check) *serviceDraft {
	i, found := findInstance(n.instances, id)
	if !found {
		return nil
	}
	if !n.ownInstances {
		n.instances, n.ownInstances = slices.Clone(n.instances), true
	}
	inst := n.instances[i]
	n.instances[i] = &Instance{Service: inst.Service, OwnChecks: change(inst.OwnChecks)}
	n.touch(id)
	sd := d.service(inst.Service.Service)
	sd.changes[instanceKey{n.key, IDKey(id)}] = n.instances[i]
	return sd
}

// setVerdict changes what is remembered of a check of an instance. No answer
// that can be waited for shows it, so no index moves and nobody is woken.
func (d *draft) setVerdict(n *nodeDraft, old *api.Check, v *api.CheckVerdict) {
	k := *old
	k.Verdict = v
	n.checks, n.ownChecks, n.unsaid = withCheck(n.checks, &k), true, true
	d.replaceOwnChecks(n, k.ServiceID, func(l []*api.Check) []*api.Check { return withCheck(l, &k) })
	d.follow(n.key, old, &k)
	d.records.put(bucketChecks, n.key+"\x00"+k.CheckID, &k)
}

// setOrigin changes where an instance is remembered to come from. No answer
// shows it, so no index moves and nobody is woken.
func (d *draft) setOrigin(n *nodeDraft, inst *Instance, origin string) {
	s := *inst.Service
	s.Origin = origin
	d.replaceOwnChecks(n, s.ID, func(l []*api.Check) []*api.Check { return l })
	i, _ := findInstance(n.instances, s.ID)
	n.instances[i].Service, n.unsaid = &s, true
	d.records.put(bucketServices, n.key+"\x00"+s.ID, &s)
}

// removeNode takes a node away with all it has.
func (d *draft) removeNode(n *nodeDraft) {
	d.because("its node was removed", func() {
		for len(n.instances) > 0 {
			d.removeService(n, n.instances[len(n.instances)-1].Service.ID)
		}
	})
	d.quietly(func() {
		for len(n.checks) > 0 {
			d.removeCheck(n, n.checks[len(n.checks)-1].CheckID)
		}
	})
	d.noteRemoved(n, "", "", "", "", "")
	if n.node.ID != "" {
		d.next.nodeIDs, _, _ = d.next.nodeIDs.Delete([]byte(lower(n.node.ID)))
	}
	d.nodeGone(n)
	n.node = nil
	d.followRefuge(n.key, nil)
	d.changedCatalog(n)
	d.changedChecks(n, n.probes)
	n.allHealth, n.allCatalog = 0, 0
	d.next.nodeGone = d.index
	d.touch(TableNodes)
	d.records.remove(bucketNodes, n.key)
	d.records.remove(bucketNodeGhosts, n.key)
}

// nodeChecks returns the checks of a node that belong to no instance.
func nodeChecks(checks []*api.Check) []*api.Check {
	var l []*api.Check
	for _, c := range checks {
		if c.ServiceID == "" {
			l = append(l, c)
		}
	}
	return l
}

// compareKeys orders like compareInstances.
func compareKeys(a, b instanceKey) int {
	if c := strings.Compare(a.node, b.node); c != 0 {
		return c
	}
	return strings.Compare(a.id, b.id)
}
