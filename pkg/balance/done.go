package balance

import (
	"context"
	"errors"
	"net"
)

// Done takes the outcome of a request sent to a picked instance. Call Report
// exactly once: until then the request counts as outstanding. The zero value
// ignores it.
type Done struct{ e *endpoint }

// Report says how the request went: nil for well, or the error. An error of
// opening the connection takes the instance out at once, others count towards
// ejection, except context.Canceled, which says nothing about the instance.
func (d Done) Report(err error) {
	e := d.e
	if e == nil {
		return
	}
	e.release()
	switch {
	case err == nil:
		e.good.Add(1)
		if e.streak.Load() != 0 {
			e.streak.Store(0)
		}
	case errors.Is(err, context.Canceled), errors.Is(err, errBody):
	default:
		e.failed(err)
	}
	if h := e.owner.o.hook.Reported; h != nil {
		h(Instance{e}, err)
	}
}

// failed counts a failure, and ejects if it is one too many.
func (e *endpoint) failed(err error) {
	e.bad.Add(1)
	streak := int(e.streak.Add(1))
	limit := e.owner.o.ejection.Consecutive
	switch {
	case Unconnected(err):
		e.owner.eject(e, Unreachable)
	case limit > 0 && streak >= limit:
		e.owner.eject(e, Failing)
	}
}

// Unconnected reports whether err says that no connection could be opened, so
// that nothing was sent.
func Unconnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
