package store

import (
	"strings"
	"sync/atomic"

	"github.com/registryd/registryd/pkg/api"
)

// Instance is a service instance joined with its node and its checks. It is
// frozen: a change of any part makes a new Instance.
type Instance struct {
	Node       *api.Node
	Service    *api.Service
	NodeChecks []*api.Check // shared by all instances of the node, by CheckID
	OwnChecks  []*api.Check // by CheckID
	Status     string       // the worst of all checks; passing if there are none

	encoded atomic.Pointer[[]byte]
}

// Encoded returns the instance's encoding, made by encode on first use and
// kept as long as the instance lives. Two first callers may both encode.
func (i *Instance) Encoded(encode func(*Instance) []byte) []byte {
	if p := i.encoded.Load(); p != nil {
		return *p
	}
	b := encode(i)
	i.encoded.Store(&b)
	return b
}

// Checks returns the checks of the node, then the instance's own.
func (i *Instance) Checks() []*api.Check {
	if len(i.OwnChecks) == 0 {
		return i.NodeChecks
	}
	if len(i.NodeChecks) == 0 {
		return i.OwnChecks
	}
	all := make([]*api.Check, 0, len(i.NodeChecks)+len(i.OwnChecks))
	return append(append(all, i.NodeChecks...), i.OwnChecks...)
}

// ServiceView is everything known of one service name at one version: its
// instances ordered by node and ID, the indexes blocking queries compare, the
// watches they wait on, and a slot for encoded answers.
type ServiceView struct {
	Name      string // as the first instance spelled it
	Instances []*Instance

	// HealthIndex moves with any change of an instance, its node or checks;
	// CatalogIndex does not move when only a check changes.
	HealthIndex  uint64
	CatalogIndex uint64

	Health  *Watch // fires when HealthIndex moves
	Catalog *Watch // fires when CatalogIndex moves

	Cache Cache
}

// ServiceKey is the key of a service name, which is compared without regard
// to case.
func ServiceKey(name string) string { return lower(name) }

// lower costs no memory for names that are lower case already, as nearly all
// are: strings.ToLower returns those as they are.
func lower(s string) string { return strings.ToLower(s) }

// compareInstances orders instances by node name, then service ID.
func compareInstances(a, b *Instance) int {
	if c := strings.Compare(lower(a.Node.Node), lower(b.Node.Node)); c != 0 {
		return c
	}
	return CompareIDs(a.Service.ID, b.Service.ID)
}

// worst returns the worse of two statuses.
func worst(a, b string) string {
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func rank(status string) int {
	switch status {
	case api.Passing, "":
		return 0
	case api.Warning:
		return 1
	}
	return 2
}

func worstOf(lists ...[]*api.Check) string {
	w := api.Passing
	for _, l := range lists {
		for _, c := range l {
			w = worst(w, c.Status)
		}
	}
	return w
}
