package store

import (
	"cmp"
	"slices"

	"github.com/registryd/registryd/pkg/api"
)

// merge sorts what a node has and leaves one of those whose IDs differ in case
// only, which registries from before IDs were compared without regard to case
// may hold: the one registered last. Indexes do not run backwards by it.
func (l *loader) merge(n *nodeDraft) {
	n.instances = mergeSpellings(n.instances,
		func(a, b *Instance) int { return CompareIDs(a.Service.ID, b.Service.ID) },
		func(a, b *Instance) int {
			return cmp.Or(cmp.Compare(a.Service.ModifyIndex, b.Service.ModifyIndex), cmp.Compare(a.Service.ID, b.Service.ID))
		},
		func(kept, gone *Instance) {
			l.merged = true
			kept.Service.CreateIndex = min(kept.Service.CreateIndex, gone.Service.CreateIndex)
			n.catalogIndex = max(n.catalogIndex, gone.Service.ModifyIndex)
			l.raise(gone.Service.Service, gone.Service.ModifyIndex, gone.Service.ModifyIndex)
		})
	n.checks = mergeSpellings(n.checks,
		func(a, b *api.Check) int { return CompareIDs(a.CheckID, b.CheckID) },
		func(a, b *api.Check) int {
			return cmp.Or(cmp.Compare(a.ModifyIndex, b.ModifyIndex), cmp.Compare(a.CheckID, b.CheckID))
		},
		func(kept, gone *api.Check) {
			l.merged = true
			kept.CreateIndex = min(kept.CreateIndex, gone.CreateIndex)
			n.checksIndex = max(n.checksIndex, gone.ModifyIndex)
			for _, i := range n.instances {
				if gone.ServiceID == "" || sameID(i.Service.ID, gone.ServiceID) {
					l.raise(i.Service.Service, gone.ModifyIndex, 0)
				}
			}
		})
}

// raise makes a service's indexes at least as high as given.
func (l *loader) raise(service string, health, catalog uint64) {
	key := ServiceKey(service)
	f := l.floors[key]
	l.floors[key] = floors{max(f.health, health), max(f.catalog, catalog)}
}

// mergeSpellings returns a sorted list in which the later of those that order
// finds equal stands for all; drop is told of each other.
func mergeSpellings[T any](list []T, order, age func(a, b T) int, drop func(kept, gone T)) []T {
	slices.SortFunc(list, func(a, b T) int {
		if c := order(a, b); c != 0 {
			return c
		}
		return age(a, b)
	})
	out := list[:0]
	for _, v := range list {
		if last := len(out) - 1; last >= 0 && order(out[last], v) == 0 {
			drop(v, out[last])
			out[last] = v
			continue
		}
		out = append(out, v)
	}
	return out
}
