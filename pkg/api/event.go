package api

import (
	"context"
	"net/http"
	"net/url"
)

// Events fires and lists user events: short messages that every server keeps,
// in one order, for a while.
type Events struct{ c *Client }

// Events returns the calls below /v1/event.
func (c *Client) Events() Events { return Events{c} }

// Fire sends an event and returns its ID. Of e, Name, Payload and the filters
// count; the filters are patterns for who the event is meant for.
func (v Events) Fire(ctx context.Context, e *UserEvent) (string, error) {
	if err := named("event name", e.Name); err != nil {
		return "", err
	}
	params := url.Values{}
	for name, value := range map[string]string{"node": e.NodeFilter, "service": e.ServiceFilter, "tag": e.TagFilter} {
		if value != "" {
			params.Set(name, value)
		}
	}
	r := &request{method: http.MethodPut, path: "/v1/event/fire/" + escape(e.Name), params: params}
	if len(e.Payload) > 0 {
		r.body, r.ctype = e.Payload, "application/octet-stream"
	}
	var out UserEvent
	err := v.c.write(ctx, r, nil, &out)
	return out.ID, err
}

// List returns the events kept, oldest first; name selects those of one name
// ("" all). QueryMeta.Index identifies the last of them: unlike other indexes
// it does not grow, and waiting on it ends when another event is the last.
func (v Events) List(ctx context.Context, name string, q *QueryOptions) ([]*UserEvent, QueryMeta, error) {
	params := url.Values{}
	if name != "" {
		params.Set("name", name)
	}
	return get[[]*UserEvent](ctx, v.c, "/v1/event/list", params, q)
}
