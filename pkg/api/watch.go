package api

import (
	"context"
	"reflect"
	"time"
)

// WatchOptions refine a watch. Nil and the zero value will do.
type WatchOptions struct {
	// QueryOptions of each read. Index is the watch's own; Wait is how long
	// one read waits for a change, 0 means a minute.
	QueryOptions
	// OnError is told each time reading has failed on every server, and after
	// which pause the watch will try again. It is called from the watch's
	// goroutine, and never after the watch returned.
	OnError func(err error, retryIn time.Duration)
	// MinBackoff and MaxBackoff bound the pauses between failed reads, which
	// double and are shortened at random by up to half; 0 means 100 ms and
	// 10 s.
	MinBackoff, MaxBackoff time.Duration
	// PollInterval is how often to read what has no index to wait on; 0 means
	// a second.
	PollInterval time.Duration
}

// Fetch reads something that may be waited for: any of the client's reads that
// take QueryOptions fits, once its other arguments are bound.
type Fetch[T any] func(ctx context.Context, q *QueryOptions) (T, QueryMeta, error)

// Watch calls fn with the present state of what fetch reads, and again each
// time it differs, until ctx ends. It runs in the caller's goroutine and calls
// fn from it, one call at a time; while fn runs, changes gather, and fn then
// sees the newest state only.
//
// The watch survives changes of leader and the loss of servers: it goes on
// with the next address, pauses longer and longer while there is none, and
// meanwhile fn's last state stands. It starts over when an index runs
// backwards, as after a restored snapshot. The state given to fn is fn's to
// keep, but must not be changed.
//
// The error is ctx's, or that of a read which no repetition can mend: kinds
// Invalid, MethodNotAllowed and Disabled, and, as long as no read has
// succeeded, Forbidden, Refused and UnknownDC. Fetch may treat NotFound as a
// state of its own, else it is an error like any other.
func Watch[T any](ctx context.Context, fetch Fetch[T], fn func(T, QueryMeta), o *WatchOptions) error {
	w := newWatcher(o)
	var last T
	for seen := false; ; {
		q := w.query()
		began := time.Now()
		state, meta, err := fetch(ctx, &q)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if hopeless(err, !seen) {
				return err
			}
			if err := w.failed(ctx, err); err != nil {
				return err
			}
			continue
		}
		w.advance(meta.Index)
		changed := !seen || !reflect.DeepEqual(state, last)
		if changed {
			last, seen = state, true
			fn(state, meta)
		}
		if err := w.pace(ctx, changed, time.Since(began)); err != nil {
			return err
		}
	}
}

// hopeless reports whether no repetition can mend the error. First means that
// nothing was read so far: then the request itself is the likely culprit, and
// afterwards the state of the cluster.
func hopeless(err error, first bool) bool {
	switch ErrorKind(err) {
	case Invalid, MethodNotAllowed, Disabled:
		return true
	case Forbidden, Refused, UnknownDC:
		return first
	}
	return false
}

// watcher holds where a watch stands and how fast it may go.
type watcher struct {
	o       WatchOptions
	index   uint64 // to wait on
	polling bool   // the last answer had no index to wait on
	errors  *backoff
	wakeups *backoff // pauses after reads that brought nothing new
}

func newWatcher(o *WatchOptions) *watcher {
	w := &watcher{}
	if o != nil {
		w.o = *o
	}
	if w.o.Wait <= 0 {
		w.o.Wait = time.Minute
	}
	if w.o.MinBackoff <= 0 {
		w.o.MinBackoff = 100 * time.Millisecond
	}
	if w.o.MaxBackoff <= 0 {
		w.o.MaxBackoff = 10 * time.Second
	}
	if w.o.PollInterval <= 0 {
		w.o.PollInterval = time.Second
	}
	w.errors = newBackoff(w.o.MinBackoff, max(w.o.MinBackoff, w.o.MaxBackoff))
	w.wakeups = newBackoff(10*time.Millisecond, 250*time.Millisecond)
	return w
}

// query returns the options of the next read.
func (w *watcher) query() QueryOptions {
	q := w.o.QueryOptions
	q.Index = w.index
	return q
}

// advance takes note of a good answer's index. One that is lower than the last
// belongs to another history: waiting on the old one might miss changes for as
// long as the new one has not caught up.
func (w *watcher) advance(index uint64) {
	w.errors.reset()
	w.polling = index == 0
	if index < w.index {
		index = 0
	}
	w.index = index
}

// failed pauses after an error.
func (w *watcher) failed(ctx context.Context, err error) error {
	pause := w.errors.step()
	if w.o.OnError != nil {
		w.o.OnError(err, pause)
	}
	return sleep(ctx, pause)
}

// pace pauses where going on at once could make a busy loop: there is no index
// to wait on, or reads return at once with nothing new, as when a filter hides
// the changes that end the wait.
func (w *watcher) pace(ctx context.Context, changed bool, took time.Duration) error {
	switch {
	case w.polling:
		return sleep(ctx, jitter(w.o.PollInterval))
	case changed || took > w.o.Wait/2:
		w.wakeups.reset()
		return nil
	}
	return w.wakeups.wait(ctx)
}
