// Package server assembles one server from its parts and owns their lifetimes:
//
//	listeners ─► raft.Node ◄── store.Store (its state machine)
//	                 ▲   │ terms, liveness
//	                 │   ▼
//	             registry.Registry ◄── checks.Runner (transitions)
//	                 ▲
//	                 ├── httpapi.Handler ◄── http.Server
//	                 └── dnsserver.Server
//
// Open returns a running server or an error; there is no third state. What was
// opened is closed in reverse order, also when opening fails half-way.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/dnsserver"
	"github.com/registryd/registryd/internal/httpapi"
	"github.com/registryd/registryd/internal/logging"
	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/internal/store"
)

// Options are what a server needs besides its configuration.
type Options struct {
	// LogOutput takes the log; nil means nowhere.
	LogOutput io.Writer
	// Dial connects to other servers; nil means plain TCP. Tests cut links here.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// Reload reads the configuration again for /v1/agent/reload; nil means it
	// cannot be.
	Reload func() (*config.Config, error)
	// Sole says that this server has its process for itself: hashicorp's
	// libraries report to its telemetry, and it paces garbage collection. Both
	// are global, so at most one server in a process may.
	Sole bool
}

// Server is a running server. Safe for concurrent use.
type Server struct {
	opts Options
	log  *slog.Logger
	logs *logging.Log

	mu  sync.Mutex // guards cfg
	cfg *config.Config

	advertise string // host:port of the server port
	store     *store.Store
	node      *raft.Node
	runner    *checks.Runner
	registry  *registry.Registry
	handler   *httpapi.Handler
	doors     doors
	dns       *dnsserver.Server // nil when the port is off
	tls       liveTLS
	telemetry *telemetry
	local     *localDefinitions
	started   time.Time

	closers []closer
	once    sync.Once
	closed  error
	left    chan struct{} // closed when an operator made this server leave
	leave   sync.Once
}

// closer ends one part; name says which in an error.
type closer struct {
	name string
	end  func() error
}

// Open starts a server. The error of a start that cannot be is one line that
// says what to mend.
func Open(cfg *config.Config, opts Options) (_ *Server, err error) {
	if opts.LogOutput == nil {
		opts.LogOutput = io.Discard
	}
	s := &Server{opts: opts, cfg: cfg, started: time.Now(), left: make(chan struct{})}
	s.local = newLocalDefinitions(s)
	s.logs = logging.New(opts.LogOutput, cfg.Log.SlogLevel(), cfg.Log.JSON)
	s.log = s.logs.Logger()
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	for _, w := range cfg.Warnings {
		s.log.Warn(w)
	}
	for _, step := range []func() error{s.openTLS, s.openData, s.tryDoors, s.openTelemetry, s.openConsensus, s.openRegistry, s.openDoors, s.openLocal} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// onClose adds a part to what Close ends, last in first out.
func (s *Server) onClose(name string, end func() error) {
	s.closers = append(s.closers, closer{name, end})
}

// Close stops the server and waits until all of it has gone. Safe to call
// twice.
func (s *Server) Close() error {
	s.once.Do(func() {
		var errs []error
		for i := len(s.closers) - 1; i >= 0; i-- {
			c := s.closers[i]
			if err := c.end(); err != nil {
				errs = append(errs, fmt.Errorf("close %s: %w", c.name, err))
			}
		}
		s.closed = errors.Join(errs...)
	})
	return s.closed
}

// Left is closed when an operator has made this server leave its cluster; its
// owner should then Close it.
func (s *Server) Left() <-chan struct{} { return s.left }

// Failed receives one error if retry_max attempts to join a cluster have
// failed; the owner should then Close the server.
func (s *Server) Failed() <-chan error { return s.node.Failed() }

// Registry returns the server's operations, for tests.
func (s *Server) Registry() *registry.Registry { return s.registry }

// Config returns the configuration in force.
func (s *Server) Config() *config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cfg
}

// openData prepares the data directory and opens the registry database in it.
func (s *Server) openData() error {
	if s.cfg.DataDir == "" {
		dir, err := os.MkdirTemp("", "registryd-")
		if err != nil {
			return fmt.Errorf("make a temporary data directory: %w", err)
		}
		s.cfg.DataDir = dir
		s.onClose("temporary data directory", func() error { return os.RemoveAll(dir) })
	}
	if err := os.MkdirAll(s.cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("data directory %s cannot be made: %w; choose another -data-dir", s.cfg.DataDir, err)
	}
	if err := s.checkDatacenter(); err != nil {
		return err
	}
	if err := s.cfg.EnsureNodeID(); err != nil {
		return err
	}
	st, err := store.Open(filepath.Join(s.cfg.DataDir, "registry.db"))
	if err != nil {
		return err
	}
	s.store = st
	s.onClose("registry database", st.Close)
	return nil
}

// checkDatacenter refuses a data directory that belongs to another datacenter,
// and marks a new one.
func (s *Server) checkDatacenter() error {
	path := filepath.Join(s.cfg.DataDir, "datacenter")
	b, err := os.ReadFile(path)
	switch {
	case err == nil && string(b) != s.cfg.Datacenter:
		return fmt.Errorf("data directory %s belongs to datacenter %q, not %q: choose another -data-dir or -datacenter", s.cfg.DataDir, b, s.cfg.Datacenter)
	case err == nil:
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("data directory %s cannot be read: %w", s.cfg.DataDir, err)
	}
	if err := os.WriteFile(path, []byte(s.cfg.Datacenter), 0o600); err != nil {
		return fmt.Errorf("data directory %s cannot be written: %w; give the server's user the right to, or choose another -data-dir", s.cfg.DataDir, err)
	}
	return nil
}

// Logger returns the server's log.
func (s *Server) Logger() *slog.Logger { return s.log }
