package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// connLimit bounds the connections of one client address, so that one client
// cannot take all descriptors.
type connLimit struct {
	max int // 0 means none

	mu    sync.Mutex
	count map[string]int
}

func newConnLimit(max int) *connLimit { return &connLimit{max: max, count: map[string]int{}} }

// tooMany is what a client over the limit is told, in Consul's words.
const tooMany = "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: 82\r\nConnection: close\r\n\r\n" +
	"Your IP is issuing too many concurrent connections, please rate limit your calls\r\n"

// listener limits ln. Who is over the limit is told so in refusal before the
// connection is closed; an empty one tells nothing.
func (l *connLimit) listener(ln net.Listener, refusal string) net.Listener {
	if l.max <= 0 {
		return ln
	}
	return &limitedListener{ln, l, refusal}
}

type limitedListener struct {
	net.Listener
	limit   *connLimit
	refusal string
}

// refusalTime bounds the writing of a refusal; it fits into any socket's buffer.
const refusalTime = 10 * time.Millisecond

// Accept returns the next connection that is within the limit and closes the
// others.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, _, err := net.SplitHostPort(c.RemoteAddr().String())
		if err != nil || l.limit.add(host) {
			return &limitedConn{Conn: c, release: sync.OnceFunc(func() { l.limit.drop(host) })}, nil
		}
		if l.refusal != "" {
			c.SetWriteDeadline(time.Now().Add(refusalTime))
			io.WriteString(c, l.refusal)
		}
		c.Close()
	}
}

func (l *connLimit) add(host string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count[host] >= l.max {
		return false
	}
	l.count[host]++
	return true
}

func (l *connLimit) drop(host string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.count[host]--; l.count[host] <= 0 {
		delete(l.count, host)
	}
}

type limitedConn struct {
	net.Conn
	release func()
}

func (c *limitedConn) Close() error {
	c.release()
	return c.Conn.Close()
}

// writeGuard refuses writes from addresses outside the networks.
func writeGuard(networks []string, next http.Handler) (http.Handler, error) {
	var allowed []netip.Prefix
	for _, n := range networks {
		p, err := netip.ParsePrefix(n)
		if err != nil {
			return nil, fmt.Errorf("http_config.allow_write_http_from: %q is not a network such as 10.0.0.0/8", n)
		}
		allowed = append(allowed, p)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			for _, p := range allowed {
				if p.Contains(a.Addr().Unmap()) {
					next.ServeHTTP(w, r)
					return
				}
			}
		}
		http.Error(w, "Access is restricted: writes are not allowed from this address", http.StatusForbidden)
	}), nil
}
