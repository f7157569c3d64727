package balance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
)

// errBody marks failures of the request's own body, which no other instance
// can mend.
var errBody = errors.New("request body")

// replay gives each attempt the request's body from its beginning: none, a
// fresh one of GetBody, or what was read so far, which is kept up to a limit,
// and then the rest. One attempt at a time may use it, unless it is plain.
type replay struct {
	req   *http.Request
	limit int64

	mu      sync.Mutex // held while an attempt reads
	kept    []byte
	lost    bool  // more was read than is kept
	err     error // of the body, io.EOF at its end
	started bool

	current atomic.Pointer[view]
	done    atomic.Bool // no attempt will follow
	shut    atomic.Bool // the body was closed
}

func newReplay(req *http.Request, limit int64) *replay {
	return &replay{req: req, limit: max(limit, 0)}
}

// plain reports whether attempts need not take turns.
func (r *replay) plain() bool { return empty(r.req) || r.req.GetBody != nil }

// again reports whether another attempt would have the whole body.
func (r *replay) again() bool {
	if r.plain() {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.lost
}

// next returns the body for the next attempt. It waits until the one before no
// longer reads.
func (r *replay) next(ctx context.Context) (io.ReadCloser, error) {
	if empty(r.req) {
		return r.req.Body, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	first := !r.started
	r.started = true
	switch {
	case r.req.GetBody == nil:
		v := &view{r: r}
		r.current.Store(v)
		return v, nil
	case first:
		return r.req.Body, nil
	}
	body, err := r.req.GetBody()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBody, err)
	}
	return body, nil
}

// finish says that no attempt will follow. The body is closed now if no
// attempt has it, else when that one closes it.
func (r *replay) finish() {
	if empty(r.req) {
		return
	}
	r.done.Store(true)
	r.mu.Lock()
	unused := !r.started
	r.mu.Unlock()
	if v := r.current.Load(); unused || v != nil && v.closed.Load() {
		r.shutBody()
	}
}

func (r *replay) shutBody() {
	if r.shut.CompareAndSwap(false, true) {
		_ = r.req.Body.Close()
	}
}

// view is the body as one attempt reads it.
type view struct {
	r      *replay
	at     int // in what is kept
	closed atomic.Bool
}

// Read reads what is kept first. An attempt that was given up reads nothing
// any more, so that it takes nothing from the next.
func (v *view) Read(p []byte) (int, error) {
	r := v.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if v.closed.Load() || r.current.Load() != v {
		return 0, http.ErrBodyReadAfterClose
	}
	if v.at < len(r.kept) {
		n := copy(p, r.kept[v.at:])
		v.at += n
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.req.Body.Read(p)
	switch {
	case n == 0:
	case !r.lost && int64(len(r.kept)+n) <= r.limit:
		r.kept = append(r.kept, p[:n]...)
		v.at = len(r.kept)
	default:
		r.lost, r.kept, v.at = true, nil, 0
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%w: %w", errBody, err)
	}
	r.err = err
	return n, err
}

// Close ends the attempt's reading. It does not wait for a Read under way:
// transports close a body to end one.
func (v *view) Close() error {
	v.closed.Store(true)
	if v.r.done.Load() && v.r.current.Load() == v {
		v.r.shutBody()
	}
	return nil
}

func empty(req *http.Request) bool { return req.Body == nil || req.Body == http.NoBody }

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}
