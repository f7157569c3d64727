package store

import "google.golang.org/protobuf/encoding/protowire"

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
	case *ChecksDue:
		return &c.By
	case *Txn:
		return &c.By
	case *ServerLeft:
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
