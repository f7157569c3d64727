package store

import (
	"encoding/binary"
	"slices"

	"github.com/registryd/registryd/pkg/api"
)

// eventLimit is how many events are kept; Consul's value.
const eventLimit = 256

// eventState is the last events, oldest first. The slice is never changed in
// place.
type eventState struct {
	list []*api.UserEvent
}

// Events returns the last events that were fired, oldest first, at most 256.
// They are in the order of the log, the same on every server; LTime is their
// index in it. The slice must not be changed.
func (s *State) Events() []*api.UserEvent { return s.events.list }

// Event fires an event. Its ID was chosen by who proposes it.
type Event struct {
	Event api.UserEvent
}

func (*Event) kind() byte { return kindEvent }

func (c *Event) apply(d *draft) Result {
	e := c.Event
	e.LTime = d.index
	list := append(slices.Clone(d.next.events.list), &e)
	for len(list) > eventLimit {
		d.records.remove(bucketEvents, eventKey(list[0]))
		list = list[1:]
	}
	d.next.events.list = list
	d.touch(TableEvents)
	d.records.put(bucketEvents, eventKey(&e), &e)
	return done
}

// eventKey orders the records of events as they were fired.
func eventKey(e *api.UserEvent) string {
	return string(binary.BigEndian.AppendUint64(nil, e.LTime))
}

func (c *Event) appendTo(b []byte) []byte { return appendEvent(b, &c.Event) }

func decodeEvent(b []byte) (Command, error) {
	c := &Event{}
	return c, readEvent(b, &c.Event)
}

func appendEvent(b []byte, e *api.UserEvent) []byte {
	b = putString(b, 1, e.ID)
	b = putString(b, 2, e.Name)
	b = putBytes(b, 3, e.Payload)
	b = putString(b, 4, e.NodeFilter)
	b = putString(b, 5, e.ServiceFilter)
	b = putString(b, 6, e.TagFilter)
	b = putInt(b, 7, int64(e.Version))
	return putUint(b, 8, e.LTime)
}

func readEvent(b []byte, e *api.UserEvent) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			e.ID = f.str()
		case 2:
			e.Name = f.str()
		case 3:
			e.Payload = append([]byte(nil), f.bytes...)
		case 4:
			e.NodeFilter = f.str()
		case 5:
			e.ServiceFilter = f.str()
		case 6:
			e.TagFilter = f.str()
		case 7:
			e.Version = int(f.int())
		case 8:
			e.LTime = f.u
		}
		return nil
	})
}
