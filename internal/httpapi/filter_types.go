package httpapi

import (
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// What filter expressions see of each noun. The names of the fields are the
// selectors that Consul documents; what is not here cannot be selected.

type filterNode struct {
	ID, Node, Address, Datacenter string
	TaggedAddresses, Meta         map[string]string
}

type filterService struct {
	Kind, ID, Service string
	Tags              []string
	Address           string
	TaggedAddresses   map[string]api.ServiceAddress
	Meta              map[string]string
	Port              int
	SocketPath        string
	Weights           api.Weights
	EnableTagOverride bool
}

type filterCheck struct {
	Node, CheckID, Name, Status, Notes, Output, ServiceID, ServiceName string
	ServiceTags                                                        []string
	Type                                                               string
}

type filterEntry struct {
	Node    filterNode
	Service filterService
	Checks  []filterCheck
}

type filterCatalogService struct {
	ID, Node, Address, Datacenter string
	TaggedAddresses, NodeMeta     map[string]string
	ServiceKind, ServiceID        string
	ServiceName                   string
	ServiceTags                   []string
	ServiceAddress                string
	ServiceTaggedAddresses        map[string]api.ServiceAddress
	ServiceWeights                api.Weights
	ServiceMeta                   map[string]string
	ServicePort                   int
	ServiceSocketPath             string
	ServiceEnableTagOverride      bool
}

type filterMember struct {
	Name, Addr string
	Port       int
	Tags       map[string]string
	Status     int
}

func nodeFilter(n *api.Node) any { return nodeFields(n) }

func nodeFields(n *api.Node) filterNode {
	return filterNode{n.ID, n.Node, n.Address, n.Datacenter, n.TaggedAddresses, n.Meta}
}

func serviceFilter(s *api.Service) any { return serviceFields(s) }

func serviceFields(s *api.Service) filterService {
	return filterService{s.Kind, s.ID, s.Service, s.Tags, s.Address, s.TaggedAddresses, s.Meta, s.Port, s.SocketPath, weights(s), s.EnableTagOverride}
}

func checkFilter(c *api.Check) any { return checkFields(c) }

func checkFields(c *api.Check) filterCheck {
	return filterCheck{c.Node, c.CheckID, c.Name, c.Status, c.Notes, c.Output, c.ServiceID, c.ServiceName, c.ServiceTags, c.Type}
}

// entryFilter is an instance as filters on /v1/health/service see it.
func entryFilter(i *store.Instance) any {
	e := filterEntry{Node: nodeFields(i.Node), Service: serviceFields(i.Service)}
	for _, c := range i.Checks() {
		e.Checks = append(e.Checks, checkFields(c))
	}
	return e
}

// catalogFilter is an instance as filters on /v1/catalog/service see it.
func catalogFilter(i *store.Instance) any {
	n, s := i.Node, i.Service
	return filterCatalogService{n.ID, n.Node, n.Address, n.Datacenter, n.TaggedAddresses, n.Meta, s.Kind, s.ID, s.Service, s.Tags, s.Address,
		s.TaggedAddresses, weights(s), s.Meta, s.Port, s.SocketPath, s.EnableTagOverride}
}

func memberFilter(m *api.Member) any {
	return filterMember{m.Name, m.Addr, int(m.Port), m.Tags, m.Status}
}
