package store

import "sync/atomic"

// Watch tells its holders, once, that the thing it was handed out with has a
// newer version. The zero value is ready to use; the channel is only made when
// somebody waits, so that a million quiet watches cost a word each.
//
// Safe for concurrent use: C by any number of readers, fire by the one
// goroutine that applies commands.
type Watch struct {
	ch atomic.Pointer[chan struct{}]
}

// closedChan is what C returns of a Watch that has fired. It is never sent on.
var closedChan = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// C returns a channel that is closed when the watch fires; closed already if
// it has. A nil Watch never fires.
func (w *Watch) C() <-chan struct{} {
	if w == nil {
		return nil
	}
	if p := w.ch.Load(); p != nil {
		return *p
	}
	c := make(chan struct{})
	if w.ch.CompareAndSwap(nil, &c) {
		return c
	}
	// Another reader was first, or the watch has just fired.
	return *w.ch.Load()
}

// fire wakes everybody who waits. Swapping in the closed channel first means a
// reader who comes to C afterwards finds a closed one: none can be forgotten.
func (w *Watch) fire() {
	if old := w.ch.Swap(&closedChan); old != nil && *old != closedChan {
		close(*old)
	}
}
