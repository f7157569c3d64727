package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/registryd/registryd/pkg/api"
)

// historyKinds and historyStatuses are words that events are full of: they are
// written as their place in the list, from 1. Append, never reorder. Other words
// are written as text.
var (
	historyKinds    = [...]string{api.HistoryCheck, api.HistoryRegistered, api.HistoryChanged, api.HistoryRemoved, api.HistoryMoved, api.HistoryHeld, api.HistoryGuarded, api.HistoryReleased}
	historyStatuses = [...]string{api.Passing, api.Warning, api.Critical}
)

// What an event's names have in common, so that it is written once.
const (
	idIsName    = 1 << iota // the service ID is the service's name
	checkIsOfID             // the check ID is "service:" and the service ID
)

const ownCheckPrefix = "service:"

// appendPast writes an event, but for index and time, which its record has
// beside it.
func appendPast(b []byte, e *api.HistoryEvent) []byte {
	b = putWord(b, 1, e.Kind, historyKinds[:])
	b = putString(b, 2, e.Node)
	b = putString(b, 3, e.Service)
	var shared uint64
	if e.ServiceID != "" && e.ServiceID == e.Service {
		shared |= idIsName
	} else {
		b = putString(b, 4, e.ServiceID)
	}
	if id, ok := strings.CutPrefix(e.CheckID, ownCheckPrefix); ok && id != "" && id == e.ServiceID {
		shared |= checkIsOfID
	} else {
		b = putString(b, 5, e.CheckID)
	}
	b = putWord(b, 6, e.From, historyStatuses[:])
	b = putWord(b, 7, e.To, historyStatuses[:])
	b = putString(b, 8, e.Reason)
	b = putString(b, 9, e.Server)
	b = putAddr(b, 10, e.Client)
	return putUint(b, 12, shared)
}

// putAddr writes an IP address as its bytes; what is none, or is not spelled as
// one would be, is text under the next number.
func putAddr(b []byte, n protowire.Number, text string) []byte {
	a, err := netip.ParseAddr(text)
	var spelled [64]byte
	if err != nil || a.Zone() != "" || string(a.AppendTo(spelled[:0])) != text {
		return putString(b, n+1, text)
	}
	if a.Is4() {
		raw := a.As4()
		return putBytes(b, n, raw[:])
	}
	raw := a.As16()
	return putBytes(b, n, raw[:])
}

func putWord(b []byte, n protowire.Number, word string, known []string) []byte {
	if i := slices.Index(known, word); i >= 0 {
		return putUint(b, n, uint64(i)+1)
	}
	return putString(b, n, word)
}

// word reads what putWord wrote: text, or a place in the list.
func (f field) word(known []string) string {
	if f.bytes != nil {
		return string(f.bytes)
	}
	if f.u >= 1 && f.u <= uint64(len(known)) {
		return known[f.u-1]
	}
	return fmt.Sprintf("%d", f.u) // of a later version
}

// event reads what appendPast wrote.
func (p *pastEvent) event(e *api.HistoryEvent) error {
	e.Index, e.Time = p.index, time.UnixMilli(p.at).UTC()
	var shared uint64
	err := fields(p.data, func(f field) error {
		switch f.num {
		case 1:
			e.Kind = f.word(historyKinds[:])
		case 2:
			e.Node = f.str()
		case 3:
			e.Service = f.str()
		case 4:
			e.ServiceID = f.str()
		case 5:
			e.CheckID = f.str()
		case 6:
			e.From = f.word(historyStatuses[:])
		case 7:
			e.To = f.word(historyStatuses[:])
		case 8:
			e.Reason = f.str()
		case 9:
			e.Server = f.str()
		case 10:
			a, ok := netip.AddrFromSlice(f.bytes)
			if !ok {
				return errWire
			}
			e.Client = a.String()
		case 11:
			e.Client = f.str()
		case 12:
			shared = f.u
		}
		return nil
	})
	if shared&idIsName != 0 {
		e.ServiceID = e.Service
	}
	if shared&checkIsOfID != 0 {
		e.CheckID = ownCheckPrefix + e.ServiceID
	}
	return err
}

// concerns reports whether the event is one of the scope. It allocates nothing
// for most.
func (p *pastEvent) concerns(of HistoryScope) bool {
	if of == (HistoryScope{}) {
		return true
	}
	found, moved := false, false
	fields(p.data, func(f field) error {
		switch f.num {
		case 1:
			moved = f.word(historyKinds[:]) == api.HistoryMoved
		case 2:
			found = found || of.node != "" && NodeKey(string(f.bytes)) == of.node
		case 3:
			found = found || of.service != "" && ServiceKey(string(f.bytes)) == of.service
		case 6:
			found = found || moved && NodeKey(string(f.bytes)) == of.node
		}
		return nil
	})
	return found
}

// pastRecord is some events in a row, as they are kept in registry.db and in
// snapshots: those of the numbers from pastPerRecord times the record's number
// on, as far as the history has them. Several in one record cost less than one
// in each.
type pastRecord struct {
	skip   uint64 // how many of the numbers have been dropped
	events []pastEvent
}

const pastPerRecord = 4

// pastRecordOf returns the record of the number.
func (h *historyState) pastRecordOf(number uint64) pastRecord {
	start := number * pastPerRecord
	from := max(start, h.first())
	return pastRecord{from - start, h.list[from-h.first() : min(start+pastPerRecord, h.next)-h.first()]}
}

// pastRecords returns the numbers of the first record and of the one after the
// last; equal where there is none.
func (h *historyState) pastRecords() (from, to uint64) {
	if len(h.list) == 0 {
		return 0, 0
	}
	return h.first() / pastPerRecord, (h.next + pastPerRecord - 1) / pastPerRecord
}

// pastKey is the key of a record.
func pastKey(number uint64) string { return string(binary.BigEndian.AppendUint64(nil, number)) }

func (r pastRecord) appendTo(b []byte) []byte {
	b = putUint(b, 1, r.skip)
	var before pastEvent
	for _, p := range r.events {
		b = putUint(b, 2, p.index-before.index) // nothing where they are equal
		b = putInt(b, 3, p.at-before.at)
		b = protowire.AppendBytes(protowire.AppendTag(b, 4, protowire.BytesType), p.data)
		before = p
	}
	return b
}

// addPast takes a record of events; they come in order of their numbers, and
// the state's position is known.
func (l *loader) addPast(key string, value []byte) error {
	h := &l.state.history
	if len(key) != 8 {
		return fmt.Errorf("%w: record of the history", errWire)
	}
	number := binary.BigEndian.Uint64([]byte(key)) * pastPerRecord
	var p pastEvent
	err := fields(value, func(f field) error {
		switch f.num {
		case 1:
			number += f.u
		case 2:
			p.index += f.u
		case 3:
			p.at += f.int()
		case 4:
			p.data = bytes.Clone(f.bytes)
			if number >= h.next || len(h.list) > 0 && number != l.past {
				return errWire
			}
			h.list = append(h.list, p)
			number++
			l.past = number
			return p.event(&api.HistoryEvent{})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("event %d of the history: %w", number, err)
	}
	return nil
}

func appendHistoryLimits(b []byte, l HistoryLimits) []byte {
	return putInt(putUint(b, 1, uint64(l.Count)), 2, int64(l.Age))
}

func decodeHistoryLimits(b []byte, l *HistoryLimits) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			l.Count = int(f.u)
		case 2:
			l.Age = time.Duration(f.int())
		}
		return nil
	})
}
