package harness

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// History records what clients asked and were told, and when, to find out
// whether one order of events explains it all. Safe for concurrent use.
type History struct{ recorder }

// NewHistory returns an empty history.
func NewHistory() *History { return &History{recorder{begun: time.Now()}} }

// Verb is what an operation of a history does to its register.
type Verb uint8

// The verbs.
const (
	Read  Verb = iota
	Write      // sets the value; 0 removes
	Swap       // sets the value if the present one is Expect, and tells whether
)

// Op is one operation on a register: a service instance, a key, anything with
// one value at a time.
type Op struct {
	Register string
	Verb     Verb
	Value    int // written; each value but 0 once in a history
	Expect   int // of Swap
}

// Outcome is what an operation told.
type Outcome struct {
	Value   int  // of Read: 0 if there is none
	Swapped bool // of Swap
}

func (o Op) register() string { return o.Register }

// String tells the operation in words, for the report of a failed check.
func (o Op) String() string {
	switch o.Verb {
	case Read:
		return fmt.Sprintf("read %s", o.Register)
	case Swap:
		return fmt.Sprintf("swap %s from %d to %d", o.Register, o.Expect, o.Value)
	}
	return fmt.Sprintf("write %s = %d", o.Register, o.Value)
}

// Do runs an operation and records it. A read that fails tells nothing. A write
// that fails is dropped if the error promises that nothing happened, which
// makes the history a test of that promise; else it may take effect at any time
// later.
func (h *History) Do(clientID int, op Op, f func() (Outcome, error)) error {
	call := time.Since(h.begun)
	out, err := f()
	end := int64(time.Since(h.begun))
	if err != nil {
		if op.Verb == Read || nothingHappened(err) {
			return err
		}
		if op.Verb == Swap {
			out.Swapped = true // if it did not, it explains nothing
		}
		end = math.MaxInt64
	}
	h.add(porcupine.Operation{ClientId: clientID, Input: op, Output: pending{out, err != nil}, Call: int64(call), Return: end})
	return err
}

// pending is an outcome that may be unknown.
type pending struct {
	Outcome
	unknown bool
}

// String tells how much is recorded.
func (h *History) String() string {
	return h.count(func(out any) bool { return out.(pending).unknown })
}

// Verify fails the test unless the history is linearizable.
func (h *History) Verify(tb testing.TB) {
	tb.Helper()
	h.verify(tb, registers())
}

// registers is the model: each register has one value, 0 in the beginning.
func registers() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, output any) (bool, any) {
			op, out, value := input.(Op), output.(pending), state.(int)
			switch op.Verb {
			case Read:
				return out.Value == value, value
			case Swap:
				switch {
				case value == op.Expect && out.Swapped:
					return true, op.Value
				case out.unknown:
					return true, value
				}
				return !out.Swapped && value != op.Expect, value
			}
			return true, op.Value
		},
		DescribeOperation: func(input, output any) string { return line(input.(Op), output.(pending)) },
	}
}

func line(op Op, out pending) string {
	switch {
	case out.unknown:
		return op.String() + ": unknown"
	case op.Verb == Read:
		return fmt.Sprintf("%s: %d", op, out.Value)
	case op.Verb == Swap:
		return fmt.Sprintf("%s: %t", op, out.Swapped)
	}
	return op.String()
}
