package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/httpapi"
	"github.com/registryd/registryd/internal/logging"
)

// doors are where clients come in.
type doors struct {
	http  []net.Listener
	https []net.Listener
	dns   []string // host:port
}

// tryDoors refuses client addresses that are taken, before this server says or
// does anything in its cluster. They are bound again once there is something to
// answer with: a client that comes earlier should be refused, not kept waiting.
func (s *Server) tryDoors() error {
	for key, addrs := range map[string][]string{"ports.http": s.cfg.HTTPAddrs(), "ports.https": s.cfg.HTTPSAddrs(), "ports.dns": s.cfg.DNSAddrs()} {
		for _, addr := range addrs {
			if strings.HasPrefix(addr, "unix://") {
				continue
			}
			ln, err := listen(addr, key)
			if err != nil {
				return err
			}
			ln.Close()
		}
	}
	return nil
}

// openDoors binds the client addresses and serves them.
func (s *Server) openDoors() error {
	c := s.cfg
	s.handler = httpapi.New(httpapi.Config{
		Registry: s.registry, Agent: s, Logger: logging.Named(s.log, "http"), AlwaysPretty: c.Dev,
		DefaultWait: c.DefaultQueryTime, MaxWait: c.MaxQueryTime, MaxValue: int64(c.Limits.KVMaxValueSize), MaxTxn: int64(c.Limits.TxnMaxReqLen),
		ResponseHeaders: c.HTTP.ResponseHeaders, BlockEndpoints: c.HTTP.BlockEndpoints, Debug: c.EnableDebug,
	})
	var handler http.Handler = s.handler
	if len(c.HTTP.AllowWriteFrom) > 0 {
		var err error
		if handler, err = writeGuard(c.HTTP.AllowWriteFrom, handler); err != nil {
			return err
		}
	}
	web := &http.Server{
		Handler: handler, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: c.HTTP.MaxHeaderBytes,
		ErrorLog: slog.NewLogLogger(logging.Named(s.log, "http").Handler(), slog.LevelDebug), Protocols: protocols(),
		ConnContext: httpapi.ConnContext,
	}
	// Long polls first, so that shutting down need not wait for them.
	s.onClose("HTTP", func() error { s.handler.Close(); return shutdown(web) })
	limit := newConnLimit(c.Limits.HTTPMaxConnsPerClient)
	for _, addr := range c.HTTPAddrs() {
		ln, err := s.listenClient(addr, "ports.http")
		if err != nil {
			return err
		}
		s.doors.http = append(s.doors.http, ln)
		if front := limit.listener(ln, tooMany); len(c.HTTP.AllowWriteFrom) == 0 {
			s.serveHTTP(web, s.handler.Front(front))
		} else {
			s.serveHTTP(web, front)
		}
	}
	for _, addr := range c.HTTPSAddrs() {
		ln, err := s.listenClient(addr, "ports.https")
		if err != nil {
			return err
		}
		s.doors.https = append(s.doors.https, ln)
		s.serveHTTP(web, s.tls.listener(limit.listener(ln, ""), func(t *tlsSettings) *tls.Config { return t.https }))
	}
	return s.openDNS()
}

// protocols are HTTP/1.1, HTTP/2 over TLS, and HTTP/2 without (h2c).
func protocols() *http.Protocols {
	p := &http.Protocols{}
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

func (s *Server) serveHTTP(web *http.Server, ln net.Listener) {
	done := make(chan struct{})
	s.onClose("HTTP listener", func() error {
		ln.Close()
		<-done
		return nil
	})
	go func() {
		defer close(done)
		if err := web.Serve(ln); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.log.Error("the HTTP door closed", "address", ln.Addr().String(), "error", err)
		}
	}()
}

// shutdown lets requests under way end, but not for long.
func shutdown(web *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := web.Shutdown(ctx); err != nil {
		return web.Close()
	}
	return nil
}

// listenClient binds host:port or unix://path.
func (s *Server) listenClient(addr, key string) (net.Listener, error) {
	path, unix := strings.CutPrefix(addr, "unix://")
	if !unix {
		return listen(addr, key)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("socket %s cannot be replaced: %w", path, err)
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on socket %s: %w", path, err)
	}
	return ln, ownSocket(path, s.cfg.UnixSockets)
}

// ownSocket gives a socket the mode that the configuration asks for.
func ownSocket(path string, u config.UnixSockets) error {
	if u.Mode == "" {
		return nil
	}
	mode, err := strconv.ParseUint(u.Mode, 8, 32)
	if err != nil {
		return fmt.Errorf("unix_sockets.mode %q is not an octal number such as 0770", u.Mode)
	}
	if err := os.Chmod(path, os.FileMode(mode)); err != nil {
		return fmt.Errorf("set the mode of socket %s: %w", path, err)
	}
	return nil
}

// HTTPAddr returns the address of the first plain HTTP listener; empty when
// there is none.
func (s *Server) HTTPAddr() string {
	if len(s.doors.http) == 0 {
		return ""
	}
	return s.doors.http[0].Addr().String()
}
