package store

import (
	"bytes"
	"math/bits"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/registryd/registryd/pkg/api"
)

// The history is part of the state: what happened to the catalog, bounded in
// number and age. Every server keeps the same, since what happens is noted while
// a command is applied, with the time that stands in the log.

// HistoryLimits bound the history. With no Count there is none.
type HistoryLimits struct {
	Count int           // most events that are kept
	Age   time.Duration // older ones go; 0 means none is too old
}

// historyState is what has happened, oldest first. An event is encoded once, to
// bytes that are also its record on disk: it then costs little more memory than
// its text.
//
// The list is a window of an array that all States share: events are appended
// behind what any State sees, and dropped by moving the window's start, so
// keeping 4096 of them costs no more for each than keeping ten.
type historyState struct {
	limits HistoryLimits
	list   []pastEvent
	next   uint64 // number of the next event
	floor  uint64 // index of the last event that was dropped, 0 if none was

	watches *[historyWatches]*Watch
}

// pastEvent is an event with what is needed to keep and to skip it.
type pastEvent struct {
	index uint64
	at    int64  // milliseconds since 1970
	data  []byte // see appendPast
}

// first returns the number of the first event.
func (h *historyState) first() uint64 { return h.next - uint64(len(h.list)) }

// historyWatches is how many watches there are for the names of services and
// nodes; a name has the one that its hash says. So a name costs nothing, also
// one that nobody has, and who waits for it wakes for few others.
const historyWatches = 64

func emptyHistory() historyState {
	h := historyState{watches: &[historyWatches]*Watch{}}
	for i := range h.watches {
		h.watches[i] = &Watch{}
	}
	return h
}

// trim drops what is beyond the limits.
func (h *historyState) trim(now time.Time) {
	n := max(0, len(h.list)-h.limits.Count)
	if h.limits.Age > 0 {
		oldest := now.Add(-h.limits.Age).UnixMilli()
		for n < len(h.list) && h.list[n].at < oldest {
			n++
		}
	}
	if n == 0 {
		return
	}
	h.floor = h.list[n-1].index
	if h.list = h.list[n:]; len(h.list) == 0 {
		h.list = nil // let go of the array
	}
}

// Whose name it is that watchOf is asked for.
const (
	historyService = 's'
	historyNode    = 'n'
)

// watchOf returns the number of the watch of a name: FNV-1a, folded.
func watchOf(kind byte, key string) int {
	h := (uint32(2166136261) ^ uint32(kind)) * 16777619
	for i := range len(key) {
		h = (h ^ uint32(key[i])) * 16777619
	}
	return int((h ^ h>>16) % historyWatches)
}

// reasonMax and nameMax bound the reason of an event and each of its names, in
// bytes: nothing that is registered and gone may fill the memory for long.
const (
	reasonMax = 120
	nameMax   = 256
)

// muted reports whether nothing is noted now.
func (d *draft) muted() bool { return d.quiet > 0 || d.next.history.limits.Count == 0 }

// note records what the command being applied has done. The event says what
// happened to whom; index and time are filled in here, and so are server,
// client and reason where they are empty. Whoever calls it has changed
// something: what leaves the catalog as it was is not history.
func (d *draft) note(e api.HistoryEvent) {
	h := &d.next.history
	if h.limits.Count == 0 {
		return
	}
	e.Index, e.Time = d.index, d.now
	if e.Server == "" {
		e.Server = d.by.Server
	}
	if e.Client == "" {
		e.Client = d.by.Client
	}
	if e.Reason == "" {
		e.Reason = d.by.Reason
	}
	e.Reason = firstLine(e.Reason)
	for _, name := range [...]*string{&e.Node, &e.ServiceID, &e.Service, &e.CheckID, &e.From, &e.To, &e.Server, &e.Client} {
		*name = cut(*name, nameMax)
	}
	var room [384]byte
	h.list = append(h.list, pastEvent{e.Index, e.Time.UnixMilli(), bytes.Clone(appendPast(room[:0], &e))})
	h.next++
	h.trim(d.now)
	d.touch(TableHistory)
	if e.Service != "" {
		d.heard |= 1 << watchOf(historyService, ServiceKey(e.Service))
	}
	d.heard |= 1 << watchOf(historyNode, NodeKey(e.Node))
	if e.Kind == api.HistoryMoved {
		d.heard |= 1 << watchOf(historyNode, NodeKey(e.From))
	}
}

// finishHistory gives the names that were noted new watches and lets the old
// ones wake who waits.
func (d *draft) finishHistory() {
	if d.heard == 0 {
		return
	}
	watches := *d.next.history.watches
	for rest := d.heard; rest != 0; rest &= rest - 1 {
		i := bits.TrailingZeros64(rest)
		d.wake = append(d.wake, watches[i])
		watches[i] = &Watch{}
	}
	d.next.history.watches = &watches
}

// firstLine returns the first line of a text that says anything, cut to
// reasonMax bytes between two characters.
func firstLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = strings.TrimSpace(s[:i])
	}
	return cut(s, reasonMax)
}

// cut returns the text cut to so many bytes, between two characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}
