package httpapi

import (
	"github.com/registryd/registryd/internal/store"
)

// What /v1/agent/services and /v1/agent/checks show with ?scope=cluster: what
// was registered through any server. Writes by ID find it through any server,
// so it can be listed through any.

// agentScope returns the nodes that an agent's endpoint is about: this server's,
// or with ?scope=cluster those of all, this one's first.
func (h *Handler) agentScope(q *request) ([]*store.NodeView, error) {
	cluster, err := q.clusterScope(false)
	if err != nil {
		return nil, err
	}
	st := h.reg.State()
	if cluster {
		return h.reg.AgentNodes(st), nil
	}
	if v := h.reg.OwnNode(st); v != nil {
		return []*store.NodeView{v}, nil
	}
	return nil, nil
}

// clusterServices answers with the instances of all servers.
func (h *Handler) clusterServices(f *filter) (reply, error) {
	var list []*store.Instance
	for _, v := range h.reg.AgentNodes(h.reg.State()) {
		for _, i := range v.Instances {
			if i.Service.ID != store.ServerService {
				list = append(list, i)
			}
		}
	}
	list, err := keep(f, list, func(i *store.Instance) any { return serviceFilter(i.Service) })
	b := []byte{'{'}
	taken := newKeys(true)
	for n, i := range list {
		if n > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, taken.of(i.Node.Node, i.Service.ID)), ':')
		b = h.appendLocal(b, i.Service, "")
		b = append(appendField(b[:len(b)-1], `,"Node":`, i.Node.Node), '}')
	}
	return reply{body: encode(append(b, '}'))}, err
}

// keys gives things names in a JSON object: their ID, or with their node before
// it where the ID is taken. The zero value takes every ID as it is.
type keys struct{ seen map[string]bool }

func newKeys(several bool) keys {
	if !several {
		return keys{}
	}
	return keys{map[string]bool{}}
}

func (k keys) of(node, id string) string {
	if k.seen == nil {
		return id
	}
	if k.seen[id] {
		return node + "/" + id
	}
	k.seen[id] = true
	return id
}
