package registry

import (
	"context"
	"fmt"
	"regexp"

	"github.com/google/uuid"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// eventMax bounds an event: its name, filters and payload together, in bytes.
// Consul's events have to fit a gossip message of 512 with their envelope.
const eventMax = 460

// FireEvent fires an event and returns it, with its ID, as it was accepted:
// its place in the order of events is only known to those who list them.
func (r *Registry) FireEvent(ctx context.Context, e *api.UserEvent) (*api.UserEvent, error) {
	if e.Name == "" {
		return nil, api.E(api.Invalid, "Missing name")
	}
	for _, p := range []struct{ name, pattern string }{{"node", e.NodeFilter}, {"service", e.ServiceFilter}, {"tag", e.TagFilter}} {
		if _, err := regexp.Compile(p.pattern); err != nil {
			return nil, api.Wrap(api.Refused, "Invalid "+p.name+" filter", err)
		}
	}
	if e.TagFilter != "" && e.ServiceFilter == "" {
		return nil, api.E(api.Refused, "Cannot provide tag filter without service filter")
	}
	if n := len(e.Name) + len(e.Payload) + len(e.NodeFilter) + len(e.ServiceFilter) + len(e.TagFilter); n > eventMax {
		return nil, api.E(api.Refused, fmt.Sprintf("user event exceeds the limit of %d bytes: name, filters and payload have %d", eventMax, n))
	}
	f := *e
	f.ID, f.Version, f.LTime = uuid.NewString(), 1, 0
	_, err := r.propose(ctx, &store.Event{Event: f})
	return &f, err
}
