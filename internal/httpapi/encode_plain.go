package httpapi

import (
	"encoding/json"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Executed queries and transactions show the catalog as it is stored: what is
// absent is null. The endpoints of catalog and health put empty lists in its
// place, see encode.go.

// plainEntry is an instance with its node and checks.
type plainEntry struct {
	Node    *api.Node
	Service *plainService
	Checks  []*plainCheck
}

// plainService is an instance. The mesh's fields are in their empty form.
type plainService struct {
	*api.Service
	Weights  api.Weights
	Proxy    json.RawMessage
	Connect  struct{}
	PeerName string
}

// plainCheck is a check; its definition is an object even if there is none.
type plainCheck struct {
	*api.Check
	Definition *api.CheckDefinition
}

func showService(s *api.Service) *plainService {
	return &plainService{Service: s, Weights: weights(s), Proxy: json.RawMessage(`{"Mode":"","MeshGateway":{},"Expose":{}}`)}
}

func showCheck(c *api.Check) *plainCheck {
	if c.Definition == nil {
		return &plainCheck{c, &api.CheckDefinition{}}
	}
	return &plainCheck{c, c.Definition}
}

func showEntries(list []*store.Instance) []plainEntry {
	out := make([]plainEntry, len(list))
	for n, i := range list {
		out[n] = plainEntry{Node: i.Node, Service: showService(i.Service)}
		for _, c := range i.Checks() {
			out[n].Checks = append(out[n].Checks, showCheck(c))
		}
	}
	return out
}
