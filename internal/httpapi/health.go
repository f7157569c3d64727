package httpapi

import (
	"strconv"
	"strings"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Forms of answers kept on views, as the Form of a store.CacheKey.
const (
	formHealth uint32 = iota + 1
	formHealthPassing
	formCatalogService
	formNode
	formNodeServices
	formNodeChecks
	formServiceChecks
	formServices
	formAgentServices
)

func key(form uint32) store.CacheKey { return store.CacheKey{Door: 'h', Form: form} }

// kept returns the answer of the form that is kept with a view.
func kept(c *store.Cache, form uint32, build func() []byte) *encoded {
	return c.Get(key(form), func() any { return encode(build()) }).(*encoded)
}

// selection is what narrows a list of instances.
type selection struct {
	passing bool
	tags    []string
	meta    map[string]string
	near    string
	filter  *filter
}

// plain reports whether the answer depends on nothing but passing.
func (s selection) plain() bool {
	return s.tags == nil && s.meta == nil && s.near == "" && s.filter == nil
}

func (q *request) selection(sample any) (s selection, err error) {
	if len(q.params.list) == 0 {
		return s, nil
	}
	if q.has("passing") {
		if v := q.get("passing"); v == "" {
			s.passing = true
		} else {
			if s.passing, err = strconv.ParseBool(v); err != nil {
				return s, api.E(api.Invalid, "Invalid value for ?passing")
			}
		}
	}
	s.tags, s.meta, s.near = q.all("tag"), q.nodeMeta(), q.get("near")
	s.filter, err = filterFor(q, sample)
	return s, err
}

// from returns the instances of a list that are selected.
func (s selection) from(h *Handler, st *store.State, list []*store.Instance, value func(*store.Instance) any) ([]*store.Instance, error) {
	var out []*store.Instance
	for _, i := range list {
		if s.passing && i.Status != api.Passing || !hasTags(i.Service.Tags, s.tags) || !hasMeta(i.Node.Meta, s.meta) {
			continue
		}
		out = append(out, i)
	}
	out, err := keep(s.filter, out, value)
	if err == nil && s.near != "" {
		out = h.nearest(st, s.near, out)
	}
	return out, err
}

// absentService is the look of a service name that nobody has. Its answer has
// the index of the last change of any service, as in Consul, but such a change
// wakes nobody: whoever waits for the name waits until it appears.
func absentService(st *store.State, absent <-chan struct{}) look {
	return look{index: st.AbsentIndex(), shown: st.Table(store.TableServices).Index, absent: absent, body: func() (*encoded, error) { return emptyList, nil }}
}

var emptyList = encode([]byte("[]"))

// healthService serves /v1/health/service/NAME.
func (h *Handler) healthService(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing service name")
	}
	sel, err := q.selection(filterEntry{})
	if err != nil {
		return reply{}, err
	}
	return h.read(q, cachedRead, func(st *store.State) (look, error) {
		v, absent := st.Service(q.name)
		if v == nil {
			return absentService(st, absent), nil
		}
		return look{index: v.HealthIndex, watch: v.Health, body: func() (*encoded, error) { return h.entries(st, v, sel) }}, nil
	})
}

func (h *Handler) entries(st *store.State, v *store.ServiceView, sel selection) (*encoded, error) {
	if !sel.plain() {
		list, err := sel.from(h, st, v.Instances, entryFilter)
		return encode(encodeEntries(list)), err
	}
	form := formHealth
	if sel.passing {
		form = formHealthPassing
	}
	return kept(&v.Cache, form, func() []byte {
		list, _ := sel.from(h, st, v.Instances, entryFilter) // without a filter nothing can fail
		return encodeEntries(list)
	}), nil
}

func encodeEntries(list []*store.Instance) []byte {
	size := 2
	for _, i := range list {
		size += len(i.Encoded(encodeEntry)) + 1
	}
	return appendList(make([]byte, 0, size), list, func(b []byte, i *store.Instance) []byte {
		return append(b, i.Encoded(encodeEntry)...)
	})
}

// healthConnect serves /v1/health/connect and /v1/health/ingress: there is no
// mesh, so nothing is listed.
func (h *Handler) healthConnect(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing service name")
	}
	return h.read(q, cachedRead, func(st *store.State) (look, error) { return absentService(st, nil), nil })
}

// selectChecks returns the checks that a request selects.
func (h *Handler) selectChecks(st *store.State, sel selection, list []*api.Check) ([]*api.Check, error) {
	if sel.meta != nil {
		var out []*api.Check
		for _, c := range list {
			if n, _ := st.Node(c.Node); n != nil && hasMeta(n.Node.Meta, sel.meta) {
				out = append(out, c)
			}
		}
		list = out
	}
	list, err := keep(sel.filter, list, checkFilter)
	if err == nil && sel.near != "" {
		list = h.nearestChecks(st, sel.near, list)
	}
	return list, err
}

// healthChecks serves /v1/health/checks/NAME.
func (h *Handler) healthChecks(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing service name")
	}
	sel, err := q.selection(filterCheck{})
	if err != nil {
		return reply{}, err
	}
	return h.read(q, catalogRead, func(st *store.State) (look, error) {
		v, absent := st.Service(q.name)
		if v == nil {
			return absentService(st, absent), nil
		}
		return look{index: v.HealthIndex, watch: v.Health, body: func() (*encoded, error) {
			var list []*api.Check
			for _, i := range v.Instances {
				list = append(list, i.OwnChecks...)
			}
			list, err := h.selectChecks(st, sel, list)
			return encode(appendChecks(nil, list)), err
		}}, nil
	})
}

// healthNode serves /v1/health/node/NODE.
func (h *Handler) healthNode(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing node name")
	}
	sel, err := q.selection(filterCheck{})
	if err != nil {
		return reply{}, err
	}
	return h.read(q, catalogRead, func(st *store.State) (look, error) {
		v, absent := st.Node(q.name)
		if v == nil {
			return look{index: st.AbsentNodeIndex(), absent: absent, body: func() (*encoded, error) { return emptyList, nil }}, nil
		}
		return look{index: v.ChecksIndex, watch: v.Health, body: func() (*encoded, error) {
			list, err := h.selectChecks(st, sel, v.Checks)
			return encode(appendChecks(nil, list)), err
		}}, nil
	})
}

// healthState serves /v1/health/state/STATE.
func (h *Handler) healthState(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing check state")
	}
	sel, err := q.selection(filterCheck{})
	if err != nil {
		return reply{}, err
	}
	state := strings.ToLower(q.name)
	return h.read(q, catalogRead, func(st *store.State) (look, error) {
		t := st.Table(store.TableChecks)
		return look{index: t.Index, watch: &t.Watch, body: func() (*encoded, error) {
			var list []*api.Check
			st.Nodes(func(v *store.NodeView) bool {
				for _, c := range v.Checks {
					if state == "any" || c.Status == state {
						list = append(list, c)
					}
				}
				return true
			})
			list, err := h.selectChecks(st, sel, list)
			return encode(appendChecks(nil, list)), err
		}}, nil
	})
}
