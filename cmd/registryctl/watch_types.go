package main

import (
	"cmp"
	"context"

	"github.com/registryd/registryd/pkg/api"
)

// start watches what the type says. Fn gets the state in the shape that the
// HTTP API gives it: a list is never null, a key that does not exist is.
func (w *watchJob) start(ctx context.Context, c *api.Client, o *api.WatchOptions, fn func(any, api.QueryMeta)) error {
	switch w.kind {
	case "key":
		return c.WatchKey(ctx, keyName(w.key), o, func(p *api.KVPair, m api.QueryMeta) { fn(p, m) })
	case "keyprefix":
		return c.WatchPrefix(ctx, keyName(w.prefix), o, listed[*api.KVPair](fn))
	case "services":
		return c.WatchServices(ctx, o, func(s map[string][]string, m api.QueryMeta) { fn(s, m) })
	case "nodes":
		return c.WatchNodes(ctx, o, listed[*api.Node](fn))
	case "service":
		return c.WatchService(ctx, w.service, o, listed[*api.Entry](fn))
	case "checks":
		if w.service != "" {
			return c.WatchChecks(ctx, w.service, o, listed[*api.Check](fn))
		}
		return c.WatchState(ctx, cmp.Or(w.state, api.AnyState), o, listed[*api.Check](fn))
	case "event":
		return c.WatchEvents(ctx, w.event, o, onlyNew(fn))
	case "connect_roots":
		return c.WatchRoots(ctx, o, func(r *api.CARoots, m api.QueryMeta) { fn(r, m) })
	}
	return c.WatchLeaf(ctx, w.service, o, func(l *api.LeafCert, m api.QueryMeta) { fn(l, m) })
}

// listed hands lists on to fn.
func listed[T any](fn func(any, api.QueryMeta)) func([]T, api.QueryMeta) {
	return func(items []T, m api.QueryMeta) { fn(list(items), m) }
}

// onlyNew hands on the events behind the last one that was handed on. When
// that is no longer kept, all are new.
func onlyNew(fn func(any, api.QueryMeta)) func([]*api.UserEvent, api.QueryMeta) {
	last := ""
	return func(events []*api.UserEvent, m api.QueryMeta) {
		fresh := events
		for i, e := range events {
			if e.ID == last {
				fresh = events[i+1:]
			}
		}
		if len(events) > 0 {
			last = events[len(events)-1].ID
		}
		fn(list(fresh), m)
	}
}
