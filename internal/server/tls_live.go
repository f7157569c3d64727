package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/raft"
)

// liveTLS holds the TLS settings in force. A reload replaces them, for the
// connections that are made from then on. Safe for concurrent use.
type liveTLS struct{ now atomic.Pointer[tlsSettings] }

// openTLS reads the files that the configuration names, so that one that is
// missing is told before anything else is done.
func (s *Server) openTLS() error {
	t, err := readTLS(s.cfg)
	s.tls.now.Store(t)
	return err
}

// reloadTLS takes over the settings of next, whose files are read anew; if one
// cannot be, those in force stay. A door that is open neither becomes secure nor
// ceases to be.
func (s *Server) reloadTLS(next *config.Config) error {
	t, err := readTLS(next)
	if err != nil {
		return err
	}
	now := s.tls.now.Load()
	if (t.portIn == nil) != (now.portIn == nil) {
		t.portIn, t.portOut = now.portIn, now.portOut
		s.atNextStart("tls.internal_rpc")
	}
	if t.https == nil && len(s.doors.https) > 0 {
		t.https = now.https
		s.atNextStart("tls.https")
	}
	s.tls.now.Store(t)
	s.runner.SetTLSConfig(t.checks)
	return nil
}

// listener returns a listener that secures what l accepts with the settings
// that are in force then.
func (t *liveTLS) listener(l net.Listener, of func(*tlsSettings) *tls.Config) net.Listener {
	return tls.NewListener(l, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return of(t.now.Load()), nil
	}})
}

// securePort puts TLS around the listeners and connections of consensus, if it
// is to be secured. All servers of a cluster have to agree.
func (t *liveTLS) securePort(c *raft.Config) {
	if t.now.Load().portIn == nil {
		return
	}
	in := func(s *tlsSettings) *tls.Config { return s.portIn }
	c.Listener = t.listener(c.Listener, in)
	for i, l := range c.ExtraListeners {
		c.ExtraListeners[i] = t.listener(l, in)
	}
	dial := c.Dial
	if dial == nil {
		dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}
	}
	c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
		plain, err := dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(plain, t.now.Load().portOut)
		if err := conn.HandshakeContext(ctx); err != nil {
			plain.Close()
			return nil, fmt.Errorf("secure the connection to %s: %w", addr, err)
		}
		return conn, nil
	}
}
