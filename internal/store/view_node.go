package store

import (
	"slices"

	"github.com/registryd/registryd/pkg/api"
)

// NodeView is a node with its instances and checks at one version.
type NodeView struct {
	Node      *api.Node
	Instances []*Instance  // by service ID, as CompareIDs orders them
	Checks    []*api.Check // of the node and of all its instances, by CheckID likewise

	CatalogIndex uint64 // moves when the node or one of its instances changes
	ChecksIndex  uint64 // moves when one of its checks changes

	Catalog *Watch // fires when CatalogIndex moves
	Health  *Watch // fires when ChecksIndex moves

	// Probes is how many of the checks the cluster runs.
	Probes int

	Cache Cache
}

// Runnable reports whether the cluster runs the check: it was registered
// through an agent endpoint, or its definition says how it is probed.
func Runnable(c *api.Check) bool {
	if c.Probe != nil {
		return true
	}
	d := c.Definition
	switch {
	case d == nil:
		return false
	case d.TTL > 0:
		return true
	}
	return d.Interval > 0 && (d.HTTP != "" || d.TCP != "" || d.UDP != "" || d.GRPC != "" || d.H2PING != "")
}

func countProbes(checks []*api.Check) (n int) {
	for _, c := range checks {
		if Runnable(c) {
			n++
		}
	}
	return n
}

// NodeKey is the key of a node name, which is compared without regard to case.
func NodeKey(name string) string { return lower(name) }

// Instance returns the instance with the ID in any case, nil if there is none.
func (v *NodeView) Instance(id string) *Instance {
	if i, ok := findInstance(v.Instances, id); ok {
		return v.Instances[i]
	}
	return nil
}

// Check returns the check with the ID in any case, nil if there is none.
func (v *NodeView) Check(id string) *api.Check {
	if i, ok := findCheck(v.Checks, id); ok {
		return v.Checks[i]
	}
	return nil
}

func findInstance(l []*Instance, id string) (int, bool) {
	return slices.BinarySearchFunc(l, id, func(i *Instance, id string) int { return CompareIDs(i.Service.ID, id) })
}

func findCheck(l []*api.Check, id string) (int, bool) {
	return slices.BinarySearchFunc(l, id, func(c *api.Check, id string) int { return CompareIDs(c.CheckID, id) })
}
