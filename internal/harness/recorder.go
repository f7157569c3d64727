package harness

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// recorder collects the operations of a history. Safe for concurrent use.
type recorder struct {
	begun time.Time

	mu  sync.Mutex
	ops []porcupine.Operation
}

func (r *recorder) add(op porcupine.Operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op)
}

// count tells how many operations are recorded, and how many of them have an
// unknown outcome.
func (r *recorder) count(isUnknown func(output any) bool) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	unknown := 0
	for _, op := range r.ops {
		if isUnknown(op.Output) {
			unknown++
		}
	}
	return fmt.Sprintf("%d operations, the outcome of %d unknown", len(r.ops), unknown)
}

// verify fails the test unless the operations on each register are
// linearizable.
func (r *recorder) verify(tb testing.TB, m porcupine.Model) {
	tb.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, part := range byRegister(r.ops) {
		switch porcupine.CheckOperationsTimeout(m, part, patience) {
		case porcupine.Illegal:
			tb.Errorf("history of %s is not linearizable:\n%s", registerOf(part[0]), describe(m, part))
		case porcupine.Unknown:
			tb.Errorf("history of %s is too long to be checked: %d operations", registerOf(part[0]), len(part))
		}
	}
}

// registerOf names what an operation is about: something with a history that
// is independent of all others.
func registerOf(op porcupine.Operation) string {
	return op.Input.(interface{ register() string }).register()
}

func byRegister(ops []porcupine.Operation) [][]porcupine.Operation {
	var names []string
	parts := map[string][]porcupine.Operation{}
	for _, op := range ops {
		r := registerOf(op)
		if parts[r] == nil {
			names = append(names, r)
		}
		parts[r] = append(parts[r], op)
	}
	list := make([][]porcupine.Operation, 0, len(names))
	for _, n := range names {
		list = append(list, parts[n])
	}
	return list
}

// describe lists operations for who must find out what went wrong.
func describe(m porcupine.Model, ops []porcupine.Operation) string {
	var b strings.Builder
	for _, op := range ops {
		end := "never"
		if op.Return != math.MaxInt64 {
			end = time.Duration(op.Return).Round(time.Microsecond).String()
		}
		fmt.Fprintf(&b, "%12v to %12s  client %d  %s\n", time.Duration(op.Call).Round(time.Microsecond), end, op.ClientId, m.DescribeOperation(op.Input, op.Output))
	}
	return b.String()
}
