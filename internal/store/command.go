package store

import (
	"fmt"

	"github.com/registryd/registryd/pkg/api"
)

// Command is a change of the registry as it stands in the raft log: a kind
// byte, then the command's fields (see wire.go). Applying it is deterministic:
// it reads no clock, no randomness, no map order; whoever proposes it has put
// times and generated IDs in.
type Command interface {
	kind() byte
	appendTo(b []byte) []byte
	apply(d *draft) Result
}

// Kinds of commands. They stand in raft logs: append, never renumber. A server
// that does not know a kind stops, since skipping it would make its state
// differ from the others', unless the kind has the ignorable bit.
const (
	kindRegister byte = iota + 1
	kindDeregister
	kindUpdateChecks
	kindLiveness
	kindKV
	kindSessionCreate
	kindSessionDestroy
	kindTxn
	kindQuerySet
	kindQueryDelete
	kindEvent
	kindAutopilot
	kindCoordinates
	kindReapTombstones
	kindCA
	kindConfigEntry
	kindRestorePart
	kindRestoreDone
	kindChecksDue
	kindHistory
	kindServerLeft
	kindEnd // one more than the last

	// ignorable marks kinds that an older server may skip without harm.
	ignorable byte = 0x80
)

// decoder returns what reads the body of a kind, nil for a kind that this server
// does not know. It is the one list of all kinds.
func decoder(kind byte) func([]byte) (Command, error) {
	switch kind {
	case kindRegister:
		return decodeRegister
	case kindDeregister:
		return decodeDeregister
	case kindUpdateChecks:
		return decodeUpdateChecks
	case kindLiveness:
		return decodeLiveness
	case kindKV:
		return decodeKV
	case kindSessionCreate:
		return decodeSessionCreate
	case kindSessionDestroy:
		return decodeSessionDestroy
	case kindTxn:
		return decodeTxn
	case kindQuerySet:
		return decodeQuerySet
	case kindQueryDelete:
		return decodeQueryDelete
	case kindEvent:
		return decodeEvent
	case kindAutopilot:
		return decodeSetAutopilot
	case kindCoordinates:
		return decodeCoordinates
	case kindReapTombstones:
		return decodeReapTombstones
	case kindCA:
		return decodeSetCA
	case kindConfigEntry:
		return decodeSetConfigEntry
	case kindRestorePart:
		return decodeRestorePart
	case kindRestoreDone:
		return decodeRestoreDone
	case kindChecksDue:
		return decodeChecksDue
	case kindHistory:
		return decodeSetHistory
	case kindServerLeft:
		return decodeServerLeft
	}
	return nil
}

// Encode returns the command's bytes for the log.
func Encode(c Command) []byte {
	return c.appendTo(append(make([]byte, 0, 256), c.kind()))
}

// Decode reads a command from the log. The command shares no memory with data.
// A nil command with a nil error is one that may be skipped.
func Decode(data []byte) (Command, error) {
	if len(data) == 0 {
		return nil, fmt.Errorf("%w: empty command", errWire)
	}
	decode := decoder(data[0] &^ ignorable)
	if decode == nil {
		if data[0]&ignorable != 0 {
			return nil, nil
		}
		return nil, fmt.Errorf("command of kind %d is not known to this version: upgrade this server", data[0])
	}
	c, err := decode(data[1:])
	if err != nil {
		return nil, fmt.Errorf("command of kind %d: %w", data[0], err)
	}
	return c, nil
}

// Result is what applying a command gave. It travels to the server that
// proposed the command.
type Result struct {
	Err  error  // an *api.Error when the command was refused; nothing changed
	OK   bool   // whether a conditional write took place; true for others
	Body []byte // what else the command answers, by kind
}

var done = Result{OK: true}

// refuse is the result of a command that cannot be carried out.
func refuse(kind api.Kind, format string, args ...any) Result {
	return Result{Err: api.E(kind, fmt.Sprintf(format, args...))}
}

// encode returns the result's bytes; none for the common "done".
func (r Result) encode() []byte {
	if r.Err == nil && r.OK && r.Body == nil {
		return nil
	}
	b := putBool(nil, 1, r.OK)
	if r.Err != nil {
		b = putUint(b, 2, uint64(api.ErrorKind(r.Err))+1)
		b = putString(b, 3, r.Err.Error())
	}
	if b = putBytes(b, 4, r.Body); len(b) == 0 {
		b = putEmpty(b, 1)
	}
	return b
}

// DecodeResult reads what ApplyBatch returned for a command.
func DecodeResult(b []byte) (Result, error) {
	if len(b) == 0 {
		return done, nil
	}
	var r Result
	var kind uint64
	var msg string
	err := fields(b, func(f field) error {
		switch f.num {
		case 1:
			r.OK = f.bool()
		case 2:
			kind = f.u
		case 3:
			msg = f.str()
		case 4:
			r.Body = append([]byte(nil), f.bytes...)
		}
		return nil
	})
	if kind > 0 {
		r.Err = api.E(api.Kind(kind-1), msg)
	}
	return r, err
}
