package config

import (
	"reflect"
	"slices"
)

// ReloadableFrom compares c, in force, with next, just loaded, and returns the
// keys whose change needs a restart; a reload takes the others and ignores
// these. The list is sorted and nil when there are none.
func (c *Config) ReloadableFrom(next *Config) (ignored []string) {
	for _, e := range table().entries {
		if e.live || reflect.DeepEqual(e.of(c), e.of(next)) {
			continue
		}
		// An id that was made here stays out of the files.
		if e.path == "node_id" && next.NodeID == "" {
			continue
		}
		ignored = append(ignored, e.path)
	}
	slices.Sort(ignored)
	return ignored
}
