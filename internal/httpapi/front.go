package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"
	"time"
)

// Front is the listener that net/http serves, with a quick way before it: on a
// new connection it answers plain requests for the endpoints that make up
// nearly all traffic (see fastPaths) itself, through the very endpoint
// functions of the Handler, and hands the connection to net/http, for good,
// with the first request that is anything else: a long poll, a header it does
// not know, a large body, a request that came in pieces.
//
// It exists because reading and writing HTTP costs several times what such an
// answer costs to find.
type Front struct {
	net.Listener
	h      *Handler
	ctx    context.Context // ends when no more requests are taken
	cancel context.CancelFunc
	work   context.Context // of the requests: ends when they have had their time
	abort  context.CancelFunc

	handed chan net.Conn // connections on their way to Accept
	failed chan error    // why accepting ended; one value

	mu    sync.Mutex
	conns map[net.Conn]struct{} // those served here
	wg    sync.WaitGroup
}

// Front returns a listener for net/http over ln. Closing it ends the
// connections it serves itself after the request under way.
func (h *Handler) Front(ln net.Listener) *Front {
	f := &Front{Listener: ln, h: h, handed: make(chan net.Conn), failed: make(chan error, 1), conns: map[net.Conn]struct{}{}}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.work, f.abort = context.WithCancel(context.Background())
	f.wg.Add(1)
	go f.accept()
	return f
}

// Accept returns the next connection for net/http.
func (f *Front) Accept() (net.Conn, error) {
	select {
	case c := <-f.handed:
		return c, nil
	case err := <-f.failed:
		f.failed <- err
		return nil, err
	}
}

// frontGrace is how long requests under way may go on when the server stops: a
// write that has been proposed is done in a few milliseconds, and breaking it
// off would leave the client not knowing.
const frontGrace = 2 * time.Second

// Close stops accepting and waits for the requests under way here. Connections
// that were handed on are net/http's.
func (f *Front) Close() error {
	f.cancel()
	grace := time.AfterFunc(frontGrace, f.abort)
	defer grace.Stop()
	defer f.abort()
	err := f.Listener.Close()
	f.mu.Lock()
	for c := range f.conns {
		c.SetReadDeadline(time.Unix(1, 0)) // wakes those that wait for a request
	}
	f.mu.Unlock()
	f.wg.Wait()
	return err
}

func (f *Front) accept() {
	defer f.wg.Done()
	for {
		c, err := f.Listener.Accept()
		if err != nil {
			f.failed <- err
			return
		}
		f.mu.Lock()
		f.conns[c] = struct{}{}
		f.mu.Unlock()
		f.wg.Add(1)
		go f.serve(c)
	}
}

// frontBuffer is the most bytes that a request served here has, its body
// included: what a registration or a small value needs.
const frontBuffer = 4 << 10

// serve answers requests of one connection until it ends or is handed on.
func (f *Front) serve(c net.Conn) {
	defer f.wg.Done()
	left := f.plain(c)
	f.mu.Lock()
	delete(f.conns, c)
	f.mu.Unlock()
	if left == nil {
		c.Close()
		return
	}
	c.SetReadDeadline(time.Time{})
	select {
	case f.handed <- &resumed{Conn: c, left: left}:
	case <-f.ctx.Done():
		c.Close()
	}
}

// plain serves the plain requests of a connection. It returns what was read of
// the first other one, nil if the connection is to be closed.
func (f *Front) plain(c net.Conn) (left []byte) {
	defer func() {
		if v := recover(); v != nil {
			f.h.log.Error("request panicked", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			c.Write([]byte("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
			left = nil
		}
	}()
	buf := make([]byte, frontBuffer)
	s := newFrontScratch(ConnContext(f.work, c))
	filled := 0
	var deadline time.Time
	for f.ctx.Err() == nil {
		if filled == 0 {
			// A deadline costs a little: renewing it now and then is enough.
			if now := time.Now(); deadline.Sub(now) < frontIdle/2 {
				deadline = now.Add(frontIdle)
				c.SetReadDeadline(deadline)
				if f.ctx.Err() != nil {
					return nil // Close has set a deadline, which this one has replaced
				}
			}
			n, err := c.Read(buf)
			if err != nil || n == 0 {
				return nil
			}
			filled = n
		}
		end := bytes.Index(buf[:filled], []byte("\r\n\r\n"))
		if end < 0 || !s.parse(buf[:end+2]) || end+4+s.length > filled {
			return buf[:filled]
		}
		end += 4
		s.body.Reset(buf[end : end+s.length])
		s.req.ContentLength = int64(s.length)
		end += s.length
		do, prefix := f.h.fastEndpoint(s.method, s.url.Path)
		if do == nil || !f.h.answerFast(c, s, prefix, do) {
			return buf[:filled]
		}
		if s.broken {
			return nil
		}
		filled = copy(buf, buf[end:filled])
	}
	return nil
}

// frontIdle is how long a connection may be idle, as long as net/http lets it.
const frontIdle = 2 * time.Minute

// frontScratch is what a connection needs to answer a request, used again for
// the next one.
type frontScratch struct {
	method string
	url    url.URL
	header http.Header
	length int // of the body
	body   bytes.Reader
	req    *http.Request
	q      request
	out    []byte
	broken bool // the answer could not be sent
}

func newFrontScratch(ctx context.Context) *frontScratch {
	s := &frontScratch{header: http.Header{}, out: make([]byte, 0, 8<<10)}
	s.req = (&http.Request{URL: &s.url, Header: s.header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(&s.body)}).WithContext(ctx)
	return s
}

// resumed is a connection of which something has been read already.
type resumed struct {
	net.Conn
	left []byte
}

func (r *resumed) Read(b []byte) (int, error) {
	if len(r.left) > 0 {
		n := copy(b, r.left)
		r.left = r.left[n:]
		return n, nil
	}
	return r.Conn.Read(b)
}
