package store

import (
	"slices"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// QueryInstances returns the instances that a (filled in) prepared query
// selects, in the catalog's order: none with a critical check, and those that
// fit its tags and metadata. Checks the query ignores do not count.
func (s *State) QueryInstances(q *api.ServiceQuery) []*Instance {
	v, _ := s.Service(q.Service)
	if v == nil || q.Connect {
		return nil
	}
	var l []*Instance
	for _, i := range v.Instances {
		if healthyFor(i, q) && tagsFit(i.Service.Tags, q.Tags) && metaFits(i.Node.Meta, q.NodeMeta) && metaFits(i.Service.Meta, q.ServiceMeta) {
			l = append(l, i)
		}
	}
	return l
}

func healthyFor(i *Instance, q *api.ServiceQuery) bool {
	status := i.Status
	if len(q.IgnoreCheckIDs) > 0 {
		status = api.Passing
		for _, c := range i.Checks() {
			if !slices.Contains(q.IgnoreCheckIDs, c.CheckID) {
				status = worst(status, c.Status)
			}
		}
	}
	return status == api.Passing || status == api.Warning && !q.OnlyPassing
}

// tagsFit reports whether an instance has all the wanted tags and none of
// those written with an exclamation mark. Case does not count.
func tagsFit(have, want []string) bool {
	for _, w := range want {
		w, not := strings.CutPrefix(w, "!")
		if not == slices.ContainsFunc(have, func(h string) bool { return equalFold(h, w) }) {
			return false
		}
	}
	return true
}

// metaFits reports whether the metadata has all wanted values; the value "*"
// fits any.
func metaFits(have, want map[string]string) bool {
	for k, w := range want {
		if h, ok := have[k]; !ok || w != "*" && h != w {
			return false
		}
	}
	return true
}
