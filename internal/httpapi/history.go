package httpapi

import (
	"slices"
	"strconv"
	"time"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// filterEvent is an event as filters on the history see it.
type filterEvent struct {
	Index                                                                     uint64
	Kind, Node, ServiceID, Service, CheckID, From, To, Reason, Server, Client string
}

func eventFilter(e *api.HistoryEvent) any {
	return filterEvent{e.Index, e.Kind, e.Node, e.ServiceID, e.Service, e.CheckID, e.From, e.To, e.Reason, e.Server, e.Client}
}

// historyAll serves /v1/history.
func (h *Handler) historyAll(q *request) (reply, error) { return h.history(q, store.HistoryScope{}) }

// historyService serves /v1/history/service/NAME.
func (h *Handler) historyService(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing service name")
	}
	return h.history(q, store.ServiceHistory(q.name))
}

// historyNode serves /v1/history/node/NODE.
func (h *Handler) historyNode(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing node name")
	}
	return h.history(q, store.NodeHistory(q.name))
}

// past is what a request wants of a history.
type past struct {
	filter *filter
	limit  int       // 0 means all
	after  uint64    // only events of a higher index
	since  time.Time // only events from then on
}

func (q *request) past() (p past, err error) {
	if p.filter, err = filterFor(q, filterEvent{}); err != nil {
		return p, err
	}
	if v := q.get("limit"); v != "" {
		if p.limit, err = strconv.Atoi(v); err != nil || p.limit < 0 {
			return p, api.E(api.Invalid, "Invalid limit: give a number of events, such as 20")
		}
	}
	if v := q.get("after"); v != "" {
		if p.after, err = strconv.ParseUint(v, 10, 64); err != nil {
			return p, api.E(api.Invalid, "Invalid after: give an index, such as that of the last event seen")
		}
	}
	if v := q.get("since"); v != "" {
		p.since, err = moment(v, time.Now())
	}
	return p, err
}

// moment reads a point in time, or how long ago it was.
func moment(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		return now.Add(-d.Abs()), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, api.E(api.Invalid, "Invalid since: give a duration such as 2h, or a time such as 2006-01-02T15:04:05Z")
	}
	return t, nil
}

func (h *Handler) history(q *request, of store.HistoryScope) (reply, error) {
	p, err := q.past()
	if err != nil {
		return reply{}, err
	}
	return h.read(q, catalogRead, func(st *store.State) (look, error) {
		return look{index: st.HistoryIndex(of, q.index), watch: st.HistoryWatch(of), body: func() (*encoded, error) {
			list, err := p.from(st, of)
			if err != nil {
				return nil, err
			}
			return encodeJSON(list)
		}}, nil
	})
}

// from returns the events of a scope that are wanted, newest last.
func (p past) from(st *store.State, of store.HistoryScope) ([]*api.HistoryEvent, error) {
	list := []*api.HistoryEvent{}
	var failed error
	st.History(of, func(e *api.HistoryEvent) bool {
		if e.Index <= p.after {
			return false
		}
		if e.Time.Before(p.since) {
			return true // a leader's clock may have been behind another's
		}
		ok, err := p.filter.match(eventFilter(e))
		if failed = err; ok {
			list = append(list, e)
		}
		return err == nil && (p.limit == 0 || len(list) < p.limit)
	})
	slices.Reverse(list)
	return list, failed
}
