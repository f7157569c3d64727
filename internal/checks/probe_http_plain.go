package checks

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// plainHTTP carries requests without TLS, each over a connection of its own,
// as nearly all HTTP checks are. What http.Transport does beyond that (two
// goroutines, buffers and a place in a pool for every connection) costs more
// than the request, so it is asked only for the rest: TLS, proxies, bodies.
type plainHTTP struct {
	rest    http.RoundTripper
	dialer  net.Dialer
	buffers sync.Pool // of *bufio.ReadWriter
}

func newPlainHTTP(rest http.RoundTripper) *plainHTTP {
	return &plainHTTP{
		rest:   rest,
		dialer: net.Dialer{KeepAlive: -1}, // no probe lives long enough for one
		buffers: sync.Pool{New: func() any {
			return bufio.NewReadWriter(bufio.NewReaderSize(nil, 2048), bufio.NewWriterSize(nil, 1024))
		}},
	}
}

// RoundTrip implements http.RoundTripper.
func (p *plainHTTP) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "http" || req.Body != nil {
		return p.rest.RoundTrip(req)
	}
	if proxy, err := http.ProxyFromEnvironment(req); err != nil || proxy != nil {
		return p.rest.RoundTrip(req)
	}
	ctx := req.Context()
	conn, err := p.dialer.DialContext(ctx, "tcp", addrOf(req.URL.Host))
	if err != nil {
		return nil, overtime(ctx, err)
	}
	buf := p.buffers.Get().(*bufio.ReadWriter)
	buf.Writer.Reset(conn)
	buf.Reader.Reset(io.LimitReader(conn, bodyMax+headerMax))
	body := &plainBody{conn: conn, release: bound(ctx, conn), buf: buf, pool: &p.buffers}
	resp, err := exchange(buf, req)
	if err != nil {
		body.Close() // the first error says more
		return nil, overtime(ctx, err)
	}
	body.Reader, resp.Body = resp.Body, body
	return resp, nil
}

// headerMax is how much of an answer may come before its body, in bytes.
const headerMax = 1 << 20

// exchange sends the request and reads the answer's head, passing over those
// that only announce one.
func exchange(buf *bufio.ReadWriter, req *http.Request) (*http.Response, error) {
	last := *req // a RoundTripper must not change what it is given
	last.Close = true
	if err := last.Write(buf.Writer); err != nil {
		return nil, err
	}
	if err := buf.Flush(); err != nil {
		return nil, err
	}
	for {
		resp, err := http.ReadResponse(buf.Reader, req)
		if err != nil || resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, err
		}
	}
}

// addrOf adds the port that http has by default.
func addrOf(host string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	if n := len(host); n > 1 && host[0] == '[' && host[n-1] == ']' {
		host = host[1 : n-1]
	}
	return net.JoinHostPort(host, "80")
}

// overtime puts what the connection says of a deadline in the words of ctx,
// whose deadline it is.
func overtime(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case isTimeout(err):
		return context.DeadlineExceeded
	}
	return err
}

// plainBody is the body of an answer; closing it ends the connection.
type plainBody struct {
	io.Reader
	conn    net.Conn
	release func() bool
	buf     *bufio.ReadWriter // nil once it is back in the pool
	pool    *sync.Pool
}

// farewell is how long the peer may take to end the connection, as it was asked
// to, before it is ended here.
const farewell = 20 * time.Millisecond

// Close ends the connection. When the peer has ended it already, it is reset:
// the peer's program does not notice, and its system forgets the connection at
// once instead of remembering it for a minute or two, as do firewalls between.
// At thousands of probes a second their tables would be full.
func (b *plainBody) Close() error {
	if b.buf == nil {
		return nil
	}
	if b.release() && b.conn.SetReadDeadline(time.Now().Add(farewell)) == nil {
		_, err := b.buf.ReadByte()
		if tcp, ok := b.conn.(*net.TCPConn); ok && err == io.EOF {
			// If it cannot be set, the end is an orderly one.
			_ = tcp.SetLinger(0)
		}
	}
	err := b.conn.Close()
	b.buf.Reader.Reset(nil)
	b.buf.Writer.Reset(nil)
	b.pool.Put(b.buf)
	b.buf = nil
	return err
}
