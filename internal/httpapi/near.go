package httpapi

import (
	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// sortInstances orders instances by their distance from a node (?near=). Those
// whose distance is not known keep their order and come last.
func (h *Handler) sortInstances(st *store.State, q *request, near string, list []*store.Instance) []*store.Instance {
	return sortNear(h, st, q, near, list, func(i *store.Instance) string { return i.Node.Node })
}

func (h *Handler) sortChecks(st *store.State, q *request, near string, list []*api.Check) []*api.Check {
	return sortNear(h, st, q, near, list, func(c *api.Check) string { return c.Node })
}

// sortNear returns the list ordered by distance from the node near ("_agent"
// is this server's). It never fails: without coordinates the order stays.
func sortNear[T any](h *Handler, st *store.State, q *request, near string, list []T, node func(T) string) []T {
	return registry.Nearest(h.reg, st, near, list, node)
}
