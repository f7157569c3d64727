package httpapi

import (
	"strconv"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// eventBodyMax bounds what is read of an event's payload, in bytes; whether it
// fits is decided by the registry.
const eventBodyMax = 64 << 10

// eventFire serves PUT /v1/event/fire/NAME.
func (h *Handler) eventFire(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing name")
	}
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	e := &api.UserEvent{Name: q.name, NodeFilter: q.get("node"), ServiceFilter: q.get("service"), TagFilter: q.get("tag")}
	var err error
	if e.Payload, err = readValue(q, eventBodyMax); err != nil {
		return reply{}, err
	}
	if len(e.Payload) == 0 {
		e.Payload = nil
	}
	fired, err := h.reg.FireEvent(q.Context(), e)
	if err != nil {
		return reply{}, err
	}
	return jsonReply(fired)
}

// eventList serves GET /v1/event/list. Its index is made from the ID of the
// last event listed, as Consul's clients expect, so it neither grows nor says
// which is newer: the request waits while it is exactly the client's.
func (h *Handler) eventList(q *request) (reply, error) {
	if err := h.reg.CheckDatacenter(q.datacenter()); err != nil {
		return reply{}, err
	}
	want := q.index
	q.index = 0
	list := func(st *store.State) ([]*api.UserEvent, uint64) {
		l, index := []*api.UserEvent{}, uint64(1)
		for _, e := range st.Events() {
			if name := q.get("name"); name == "" || name == e.Name {
				l, index = append(l, e), eventIndex(e.ID)
			}
		}
		return l, index
	}
	st := h.reg.State()
	if want != 0 {
		if _, index := list(st); index == want {
			// Wait as any other read does, with indexes that do grow.
			last := st.Table(store.TableEvents).Index
			q.index = last
			return h.read(q, readMode{quiet: true}, func(st *store.State) (look, error) {
				t := st.Table(store.TableEvents)
				l, index := list(st)
				look := look{index: last, watch: &t.Watch, body: func() (*encoded, error) { return h.sayEvents(q, l, index) }}
				if index != want {
					look.index = max(t.Index, last+1)
				}
				return look, nil
			})
		}
	}
	return h.read(q, readMode{quiet: true}, func(st *store.State) (look, error) {
		l, index := list(st)
		return look{body: func() (*encoded, error) { return h.sayEvents(q, l, index) }}, nil
	})
}

func (h *Handler) sayEvents(q *request, l []*api.UserEvent, index uint64) (*encoded, error) {
	q.w.Header().Set("X-Consul-Index", strconv.FormatUint(index, 10))
	return encodeJSON(l)
}

// eventIndex makes an index of an event's ID, a UUID: its halves, combined. The
// clients compute the same to find the event they saw last.
func eventIndex(id string) uint64 {
	if len(id) != 36 {
		return 1
	}
	low, err1 := strconv.ParseUint(id[0:8]+id[9:13]+id[14:18], 16, 64)
	high, err2 := strconv.ParseUint(id[19:23]+id[24:36], 16, 64)
	if err1 != nil || err2 != nil || low == high {
		return 1
	}
	return low ^ high
}
