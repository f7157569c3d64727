package store

import (
	"slices"
	"strings"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"github.com/registryd/registryd/pkg/api"
)

// finish builds the views that the batch changed and returns the next State.
// The caller publishes it and then calls announce.
func (d *draft) finish(index, term uint64) *State {
	if len(d.nodes) > 0 {
		tree := d.next.nodes.Txn()
		tree.TrackMutate(true)
		for _, n := range d.nodes {
			d.finishNode(tree, n)
		}
		d.next.nodes = tree.CommitOnly()
		d.after = append(d.after, tree.Notify)
	}
	if len(d.services) > 0 {
		tree := d.next.services.Txn()
		tree.TrackMutate(true)
		for _, key := range sortedKeys(d.services) {
			d.finishService(tree, key, d.services[key])
		}
		d.next.services = tree.CommitOnly()
		d.after = append(d.after, tree.Notify)
	}
	d.finishKV()
	d.finishHistory()
	for t, i := range d.tables {
		if i != 0 {
			d.wake = append(d.wake, &d.next.tables[t].Watch)
			d.next.tables[t] = &Table{Index: i}
		}
	}
	d.next.index, d.next.term = index, term
	// A State of its own: one within the draft would keep the draft alive, and
	// with it the State before, and so all of history.
	next := d.next
	return &next
}

// announce wakes everybody the batch concerns. It runs after the State has
// been published, so that who wakes finds it.
func (d *draft) announce() {
	for _, w := range d.wake {
		w.fire()
	}
	for _, f := range d.after {
		f()
	}
}

func (d *draft) finishNode(tree *iradix.Txn[*NodeView], n *nodeDraft) {
	if n.node == nil {
		if n.old != nil {
			tree.Delete([]byte(n.key))
			d.noteProbes(n, nil)
			d.wake = append(d.wake, n.old.Catalog, n.old.Health)
		}
		return
	}
	if n.catalogIndex == 0 && n.checksIndex == 0 && !n.unsaid {
		return // looked at, not changed
	}
	shared := d.finishInstances(n)
	v := &NodeView{Node: n.node, Instances: shared, Checks: n.checks, Catalog: &Watch{}, Health: &Watch{}}
	v.CatalogIndex, v.ChecksIndex = n.catalogIndex, n.checksIndex
	if n.old != nil {
		if v.CatalogIndex == 0 {
			v.CatalogIndex, v.Catalog = n.old.CatalogIndex, n.old.Catalog
		} else {
			d.wake = append(d.wake, n.old.Catalog)
		}
		if v.ChecksIndex == 0 {
			v.ChecksIndex, v.Health = n.old.ChecksIndex, n.old.Health
		} else {
			d.wake = append(d.wake, n.old.Health)
		}
	}
	// A new node without checks answers health/node with the node's index. What
	// else the batch did to it must not count: it depends on the batch's size.
	v.ChecksIndex = max(v.ChecksIndex, n.node.CreateIndex, 1)
	if n.shrunk {
		d.records.put(bucketNodeGhosts, n.key, nodeFloors(v))
	}
	v.Probes = n.probes
	d.noteProbes(n, v)
	tree.Insert([]byte(n.key), v)
}

// noteProbes keeps the tree of probed nodes; v is nil when the node went. That
// they changed was noted by each command, see changedCatalog.
func (d *draft) noteProbes(n *nodeDraft, v *NodeView) {
	switch {
	case v != nil && v.Probes > 0:
		d.next.probed, _, _ = d.next.probed.Insert([]byte(n.key), v)
	case n.old != nil && n.old.Probes > 0:
		d.next.probed, _, _ = d.next.probed.Delete([]byte(n.key))
	}
}

// finishInstances completes the node's changed instances (all of them after a
// change of the node or of its own checks) and hands them to their services.
func (d *draft) finishInstances(n *nodeDraft) []*Instance {
	if n.allHealth == 0 && len(n.touched) == 0 {
		return n.instances
	}
	var shared []*api.Check
	if n.allHealth == 0 && n.old != nil && len(n.old.Instances) > 0 {
		shared = n.old.Instances[0].NodeChecks
	} else {
		shared = nodeChecks(n.checks)
	}
	complete := func(i int) {
		o := n.instances[i]
		inst := &Instance{Node: n.node, Service: o.Service, NodeChecks: shared, OwnChecks: o.OwnChecks}
		inst.Status = worstOf(shared, o.OwnChecks)
		n.instances[i] = inst
		sd := d.service(o.Service.Service)
		sd.health, sd.catalog = max(sd.health, n.allHealth), max(sd.catalog, n.allCatalog)
		sd.shrunk = sd.shrunk || n.shrunk && n.allHealth != 0
		sd.changes[instanceKey{n.key, IDKey(o.Service.ID)}] = inst
	}
	if n.allHealth != 0 {
		if !n.ownInstances {
			n.instances = slices.Clone(n.instances)
		}
		for i := range n.instances {
			complete(i)
		}
		return n.instances
	}
	for id := range n.touched {
		if i, ok := findInstance(n.instances, id); ok {
			complete(i)
		}
	}
	return n.instances
}

func (d *draft) finishService(tree *iradix.Txn[*ServiceView], key string, sd *serviceDraft) {
	old, known := tree.Get([]byte(key))
	v := &ServiceView{Name: sd.name, Health: &Watch{}, Catalog: &Watch{}, HealthIndex: sd.health, CatalogIndex: sd.catalog}
	var before []*Instance
	if known {
		before = old.Instances
		if sd.health == 0 {
			v.Health, v.HealthIndex = old.Health, old.HealthIndex
		} else {
			d.wake = append(d.wake, old.Health)
		}
		if sd.catalog == 0 {
			v.Catalog, v.CatalogIndex = old.Catalog, old.CatalogIndex
		} else {
			d.wake = append(d.wake, old.Catalog)
		}
	}
	v.Instances = mergeInstances(before, sd.changes)
	if len(v.Instances) > 0 {
		v.Name = v.Instances[0].Service.Service // as after a restart
	}
	switch {
	case len(v.Instances) == 0:
		d.addGhost(tree, key, v.HealthIndex)
	case known && len(before) == 0:
		d.dropGhost(key)
	}
	if sd.shrunk && len(v.Instances) > 0 {
		d.records.put(bucketGhosts, key, floors{v.HealthIndex, v.CatalogIndex})
	}
	tree.Insert([]byte(key), v)
}

// mergeInstances returns a new sorted list: before, with the changes applied.
func mergeInstances(before []*Instance, changes map[instanceKey]*Instance) []*Instance {
	keys := make([]instanceKey, 0, len(changes))
	for k := range changes {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compareKeys)
	out := make([]*Instance, 0, len(before)+len(changes))
	rest := before
	for _, k := range keys {
		at, found := slices.BinarySearchFunc(rest, k, func(i *Instance, k instanceKey) int {
			if c := strings.Compare(NodeKey(i.Node.Node), k.node); c != 0 {
				return c
			}
			return CompareIDs(i.Service.ID, k.id)
		})
		out = append(out, rest[:at]...)
		if found {
			at++
		}
		rest = rest[at:]
		if inst := changes[k]; inst != nil {
			out = append(out, inst)
		}
	}
	return slices.Clip(append(out, rest...))
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
