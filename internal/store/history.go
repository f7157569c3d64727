package store

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/registryd/registryd/pkg/api"
)

// reasonMax bounds the reason of an event in bytes.
const reasonMax = 120

// By says who asked for a command. It is written with the command, since the
// server that applies it knows nobody but the log.
type By struct {
	Server string // the server that proposed it
	Client string // address of the client that asked that server, without port; may be empty
	Reason string // why, where the command alone does not say; may be empty
}

// authorOf returns where the command says who asked for it, nil if nowhere.
func authorOf(c Command) *By {
	switch c := c.(type) {
	case *Register:
		return &c.By
	case *Deregister:
		return &c.By
	case *Liveness:
		return &c.By
	case *Txn:
		return &c.By
	}
	return nil
}

// Sign writes into a command who asks for it, if it has a place for that. A
// reason that is there stays.
func Sign(c Command, server, client string) {
	if by := authorOf(c); by != nil {
		by.Server, by.Client = server, client
	}
}

// begin makes the draft ready for a command.
func (d *draft) begin(e Entry, c Command) {
	d.index, d.now, d.by, d.quiet = e.Index+d.next.offset, e.Time, By{}, 0
	if u, ok := c.(*UpdateChecks); ok {
		d.by.Server = u.From
	} else if by := authorOf(c); by != nil {
		d.by = *by
	}
}

func (y *By) appendTo(b []byte) []byte {
	return putString(putString(putString(b, 1, y.Server), 2, y.Client), 3, y.Reason)
}

// putBy writes who asked for a command, nothing if that is not said.
func putBy(b []byte, n protowire.Number, y *By) []byte {
	if *y == (By{}) {
		return b
	}
	return putMessage(b, n, y.appendTo)
}

func decodeBy(b []byte, y *By) error {
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			y.Server = f.str()
		case 2:
			y.Client = f.str()
		case 3:
			y.Reason = f.str()
		}
		return nil
	})
}

// note records what the command being applied has done. The event says what
// happened to whom; index and time are filled in here, and so are server,
// client and reason where they are empty. Whoever calls it has changed
// something: what leaves the catalog as it was is not history.
func (d *draft) note(e api.HistoryEvent) {
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
	d.next.history.add(e)
}

// firstLine returns the first line of a text that says anything, cut to
// reasonMax bytes between two characters.
func firstLine(s string) string {
	s = strings.TrimSpace(s)
	if i := strings.IndexAny(s, "\r\n"); i >= 0 {
		s = strings.TrimSpace(s[:i])
	}
	if len(s) <= reasonMax {
		return s
	}
	cut := reasonMax
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// historyState is what has happened.
type historyState struct{}

func (h *historyState) add(api.HistoryEvent) {}
