package httpapi

import (
	"maps"
	"slices"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// catalogRegister serves PUT /v1/catalog/register.
func (h *Handler) catalogRegister(q *request) (reply, error) {
	reg, err := decodeRegistration(q)
	if err != nil {
		return reply{}, err
	}
	if err := h.reg.RegisterCatalog(q.Context(), reg); err != nil {
		return reply{}, err
	}
	return reply{body: trueBody}, nil
}

// catalogDeregister serves PUT /v1/catalog/deregister.
func (h *Handler) catalogDeregister(q *request) (reply, error) {
	var d struct {
		api.CatalogDeregistration
		// Consul's Go client always sends it; it says nothing that counts.
		Address string
		enterpriseFields
	}
	if err := decodeBody(q, &d); err != nil {
		return reply{}, err
	}
	if err := h.reg.DeregisterCatalog(q.Context(), &d.CatalogDeregistration); err != nil {
		return reply{}, err
	}
	return reply{body: trueBody}, nil
}

// catalogDatacenters serves /v1/catalog/datacenters.
func (h *Handler) catalogDatacenters(q *request) (reply, error) {
	if q.cached {
		if err := q.cacheControl(); err != nil {
			return reply{}, err
		}
		h.sayCache(q)
	}
	return jsonReply([]string{h.reg.Datacenter()})
}

// catalogNodes serves /v1/catalog/nodes.
func (h *Handler) catalogNodes(q *request) (reply, error) {
	f, err := filterFor(q, filterNode{})
	if err != nil {
		return reply{}, err
	}
	meta, near := q.nodeMeta(), q.get("near")
	return h.read(q, catalogRead, func(st *store.State) (look, error) {
		t := st.Table(store.TableNodes)
		return look{index: t.Index, watch: &t.Watch, body: func() (*encoded, error) {
			var list []*api.Node
			st.Nodes(func(v *store.NodeView) bool {
				if hasMeta(v.Node.Meta, meta) {
					list = append(list, v.Node)
				}
				return true
			})
			list, err := keep(f, list, nodeFilter)
			if near != "" {
				list = h.nearestNodes(st, near, list)
			}
			return encode(appendList(nil, list, appendNode)), err
		}}, nil
	})
}

// catalogServices serves /v1/catalog/services.
func (h *Handler) catalogServices(q *request) (reply, error) {
	f, err := filterFor(q, filterCatalogService{})
	if err != nil {
		return reply{}, err
	}
	meta := q.nodeMeta()
	return h.read(q, cachedRead, func(st *store.State) (look, error) {
		t := st.Table(store.TableServices)
		return look{index: t.Index, watch: &t.Watch, body: func() (*encoded, error) {
			if meta == nil && f == nil {
				return kept(&t.Cache, formServices, func() []byte {
					b, _ := encodeServices(st, nil, nil)
					return b
				}), nil
			}
			b, err := encodeServices(st, meta, f)
			return encode(b), err
		}}, nil
	})
}

// encodeServices lists service names with the tags of all their instances.
func encodeServices(st *store.State, meta map[string]string, f *filter) (b []byte, err error) {
	b = append(b, '{')
	st.Services(func(v *store.ServiceView) bool {
		tags, found := map[string]bool{}, false
		for _, i := range v.Instances {
			if !hasMeta(i.Node.Meta, meta) {
				continue
			}
			var ok bool
			if f != nil {
				if ok, err = f.match(catalogFilter(i)); err != nil {
					return false
				}
				if !ok {
					continue
				}
			}
			found = true
			for _, t := range i.Service.Tags {
				tags[t] = true
			}
		}
		if found {
			if len(b) > 1 {
				b = append(b, ',')
			}
			b = append(appendString(b, v.Name), ':')
			b = appendTags(b, slices.Sorted(maps.Keys(tags)))
		}
		return true
	})
	return append(b, '}'), err
}

// catalogService serves /v1/catalog/service/NAME.
func (h *Handler) catalogService(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing service name")
	}
	sel, err := q.selection(filterCatalogService{})
	if err != nil {
		return reply{}, err
	}
	sel.passing = false
	return h.read(q, cachedRead, func(st *store.State) (look, error) {
		v, absent := st.Service(q.name)
		if v == nil {
			return absentService(st, absent), nil
		}
		return look{index: v.CatalogIndex, watch: v.Catalog, body: func() (*encoded, error) {
			if sel.plain() {
				return kept(&v.Cache, formCatalogService, func() []byte { return appendList(nil, v.Instances, appendCatalogService) }), nil
			}
			list, err := sel.from(h, st, v.Instances, catalogFilter)
			return encode(appendList(nil, list, appendCatalogService)), err
		}}, nil
	})
}

// catalogConnect serves /v1/catalog/connect/NAME: there is no mesh.
func (h *Handler) catalogConnect(q *request) (reply, error) { return h.healthConnect(q) }

// nodeView returns the view of a node by name or full ID.
func nodeView(st *store.State, name string) (*store.NodeView, <-chan struct{}) {
	v, absent := st.Node(name)
	if v == nil && len(name) == 36 {
		if v = st.NodeByID(name); v != nil {
			return v, nil
		}
	}
	return v, absent
}

// catalogNode serves /v1/catalog/node/NODE.
func (h *Handler) catalogNode(q *request) (reply, error) {
	return h.node(q, formNode, encode([]byte("null")), func(n *api.Node, list []*api.Service) []byte {
		b := appendNode([]byte(`{"Node":`), n)
		b = append(b, `,"Services":{`...)
		for i, s := range list {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendService(append(appendString(b, s.ID), ':'), s)
		}
		return append(b, "}}"...)
	})
}

// catalogNodeServices serves /v1/catalog/node-services/NODE.
func (h *Handler) catalogNodeServices(q *request) (reply, error) {
	return h.node(q, formNodeServices, encode([]byte(`{"Node":null,"Services":null}`)), func(n *api.Node, list []*api.Service) []byte {
		b := appendNode([]byte(`{"Node":`), n)
		b = appendList(append(b, `,"Services":`...), list, appendService)
		return append(b, '}')
	})
}

func (h *Handler) node(q *request, form uint32, none *encoded, write func(*api.Node, []*api.Service) []byte) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing node name")
	}
	f, err := filterFor(q, filterService{})
	if err != nil {
		return reply{}, err
	}
	return h.read(q, catalogRead, func(st *store.State) (look, error) {
		v, absent := nodeView(st, q.name)
		if v == nil {
			return look{index: st.AbsentNodeIndex(), absent: absent, body: func() (*encoded, error) { return none, nil }}, nil
		}
		return look{index: v.CatalogIndex, watch: v.Catalog, body: func() (*encoded, error) {
			list := make([]*api.Service, 0, len(v.Instances))
			for _, i := range v.Instances {
				list = append(list, i.Service)
			}
			if f == nil {
				return kept(&v.Cache, form, func() []byte { return write(v.Node, list) }), nil
			}
			list, err := keep(f, list, serviceFilter)
			return encode(write(v.Node, list)), err
		}}, nil
	})
}
