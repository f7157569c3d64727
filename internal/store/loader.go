package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"github.com/registryd/registryd/pkg/api"
)

// loader builds a State from records, which come bucket by bucket in the order
// of their numbers, and within a bucket in any order.
type loader struct {
	state *State
	texts interner

	nodes    map[string]*nodeDraft
	services map[string][]*Instance
	floors   map[string]floors // by ServiceKey: what removals moved the indexes to
	d        *draft            // gives intern and share to loaded values
	keys     *kvEdit
	past     uint64 // number of the next event of the history
	merged   bool   // there were records that are not of the state, see merge
}

func newLoader() *loader {
	s := emptyState()
	l := &loader{state: s, nodes: map[string]*nodeDraft{}, services: map[string][]*Instance{}, floors: map[string]floors{}, texts: interner{}}
	l.d = newDraft(s)
	l.d.texts = l.texts
	l.keys = s.kv.edit()
	return l
}

func (l *loader) meta(b []byte) error { return decodeMeta(b, l.state) }

// add takes one record.
func (l *loader) add(bucket byte, key string, value []byte) error {
	owner, _, _ := strings.Cut(key, "\x00")
	switch bucket {
	case bucketNodes:
		n, err := decodeNode(value)
		if err != nil {
			return err
		}
		l.nodes[key] = &nodeDraft{key: key, node: n}
	case bucketServices:
		return l.addService(owner, value)
	case bucketChecks:
		return l.addCheck(owner, value)
	case bucketGhosts:
		f, err := decodeFloors(value)
		l.floors[key] = f
		return err
	case bucketNodeGhosts:
		f, err := decodeFloors(value)
		if n := l.nodes[key]; n != nil {
			n.catalogIndex, n.checksIndex = f.catalog, f.health
		}
		return err
	default:
		return l.addOther(bucket, key, value)
	}
	return nil
}

func (l *loader) addService(owner string, value []byte) error {
	n := l.nodes[owner]
	s, err := decodeService(value)
	if err != nil {
		return err
	}
	if n == nil {
		return fmt.Errorf("%w: service instance %q has no node", errWire, s.ID)
	}
	sd := l.d.service(s.Service)
	l.d.shareService(s)
	if sd.first == nil {
		sd.first = s
	}
	n.instances = append(n.instances, &Instance{Service: s})
	return nil
}

func (l *loader) addCheck(owner string, value []byte) error {
	n := l.nodes[owner]
	c, err := decodeCheck(value)
	if err != nil {
		return err
	}
	if n == nil {
		return fmt.Errorf("%w: check %q has no node", errWire, c.CheckID)
	}
	c.Node = n.node.Node
	l.d.shareCheck(c)
	n.checks = append(n.checks, c)
	return nil
}

func decodeIndex(b []byte) (uint64, error) {
	if len(b) != 8 {
		return 0, errWire
	}
	return binary.BigEndian.Uint64(b), nil
}

// finish joins what was added to views.
func (l *loader) finish() *State {
	nodes, ids, services := iradix.New[*NodeView]().Txn(), iradix.New[string]().Txn(), iradix.New[*ServiceView]().Txn()
	for key, n := range l.nodes {
		v := l.finishNode(n)
		nodes.Insert([]byte(key), v)
		if isRefuge(n.node) {
			l.state.refuges = append(l.state.refuges, key)
		}
		if v.Probes = countProbes(v.Checks); v.Probes > 0 {
			l.state.probed, _, _ = l.state.probed.Insert([]byte(key), v)
		}
		if n.node.ID != "" {
			ids.Insert([]byte(lower(n.node.ID)), key)
		}
	}
	slices.Sort(l.state.refuges)
	for key, list := range l.services {
		slices.SortFunc(list, compareInstances)
		v := serviceView(list)
		v.HealthIndex = max(v.HealthIndex, l.floors[key].health, l.state.restored)
		v.CatalogIndex = max(v.CatalogIndex, l.floors[key].catalog, l.state.restored)
		services.Insert([]byte(key), v)
		delete(l.floors, key)
	}
	for key, f := range l.floors {
		l.state.ghosts.list = append(l.state.ghosts.list, ghost{key, max(f.health, l.state.restored)})
	}
	slices.SortFunc(l.state.ghosts.list, compareGhosts)
	for _, g := range l.state.ghosts.list {
		services.Insert([]byte(g.key), &ServiceView{Name: g.key, HealthIndex: g.index, CatalogIndex: g.index, Health: &Watch{}, Catalog: &Watch{}})
	}
	l.state.nodes, l.state.nodeIDs, l.state.services = nodes.CommitOnly(), ids.CommitOnly(), services.CommitOnly()
	l.state.due, l.state.observed, l.state.guarded = l.d.next.due, l.d.next.observed, l.d.next.guarded
	l.keys.floor = l.state.kv.floor
	l.state.kv = l.keys.kvState
	return l.state
}

func (l *loader) finishNode(n *nodeDraft) *NodeView {
	l.merge(n)
	n.checks = slices.Clip(n.checks)
	n.instances = slices.Clip(n.instances)
	v := &NodeView{Node: n.node, Instances: n.instances, Checks: n.checks, Catalog: &Watch{}, Health: &Watch{}}
	v.CatalogIndex = max(n.node.ModifyIndex, n.catalogIndex, l.state.restored)
	v.ChecksIndex = max(n.node.CreateIndex, n.checksIndex, l.state.restored, 1)
	shared := nodeChecks(n.checks)
	for _, c := range n.checks {
		l.d.follow(n.key, nil, c)
		v.ChecksIndex = max(v.ChecksIndex, c.ModifyIndex)
		if i, ok := findInstance(n.instances, c.ServiceID); ok && c.ServiceID != "" {
			c.ServiceName, c.ServiceTags = shareText(c, n.instances[i].Service)
			n.instances[i].OwnChecks = append(n.instances[i].OwnChecks, c)
		}
	}
	for _, i := range n.instances {
		i.Node, i.NodeChecks = n.node, shared
		i.OwnChecks = slices.Clip(i.OwnChecks)
		i.Status = worstOf(shared, i.OwnChecks)
		v.CatalogIndex = max(v.CatalogIndex, i.Service.ModifyIndex)
		key := ServiceKey(i.Service.Service)
		l.services[key] = append(l.services[key], i)
	}
	return v
}

// shareText lets a check use the service's own name and tags where equal.
func shareText(c *api.Check, s *api.Service) (string, []string) {
	name, tags := c.ServiceName, c.ServiceTags
	if name == s.Service {
		name = s.Service
	}
	if slices.Equal(tags, s.Tags) && (tags == nil) == (s.Tags == nil) {
		tags = s.Tags
	}
	return name, tags
}

// serviceView makes the view of a loaded service.
func serviceView(list []*Instance) *ServiceView {
	v := &ServiceView{Name: list[0].Service.Service, Instances: slices.Clip(list), Health: &Watch{}, Catalog: &Watch{}}
	for _, i := range list {
		v.CatalogIndex = max(v.CatalogIndex, i.Service.ModifyIndex, i.Node.ModifyIndex)
		for _, l := range [][]*api.Check{i.NodeChecks, i.OwnChecks} {
			for _, c := range l {
				v.HealthIndex = max(v.HealthIndex, c.ModifyIndex)
			}
		}
	}
	v.HealthIndex = max(v.HealthIndex, v.CatalogIndex)
	return v
}
