package httpapi

import (
	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// nearest returns the instances ordered by their distance from a node (?near=).
func (h *Handler) nearest(st *store.State, near string, list []*store.Instance) []*store.Instance {
	return registry.Nearest(h.reg, st, near, list, func(i *store.Instance) string { return i.Node.Node })
}

// nearestNodes does the same for nodes.
func (h *Handler) nearestNodes(st *store.State, near string, list []*api.Node) []*api.Node {
	return registry.Nearest(h.reg, st, near, list, func(n *api.Node) string { return n.Node })
}

// nearestChecks does the same for checks, which are where their nodes are.
func (h *Handler) nearestChecks(st *store.State, near string, list []*api.Check) []*api.Check {
	return registry.Nearest(h.reg, st, near, list, func(c *api.Check) string { return c.Node })
}
