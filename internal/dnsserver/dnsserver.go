// Package dnsserver is the DNS door: it answers questions about services,
// nodes and prepared queries from the store's present State, and passes on to
// other servers what is not in its domain.
//
// A packet takes one of two ways. The common question, addresses or SRV
// records of a service, is read by hand, found on the service's view as
// records already encoded, and answered by the goroutine that read it, without
// allocating (fast.go). Everything else, also whatever might have to wait for
// somebody, goes through the library's message type in a goroutine of its own
// (request.go). Both build their records with the same functions, and a test
// holds their answers against each other.
package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/registryd/registryd/internal/store"
)

// Config is what a Server needs of the rest of the program.
type Config struct {
	// State returns the present state; called for each question.
	State func() *store.State
	// Staleness returns how far State may be behind the leader; called for
	// each question. Nil means never behind.
	Staleness func() time.Duration
	// Fresh returns when State is as new as the leader's state was at the
	// moment of the call. It is called when the settings forbid an answer from
	// a state as old as this one; its error becomes SERVFAIL. Nil means the
	// state is always fresh.
	Fresh func(ctx context.Context) error
	// Queries runs prepared queries; nil means there are none.
	Queries Queries

	Datacenter string
	Domain     string   // with or without the final dot
	AltDomain  string   // answered like Domain, with names of its own; may be empty
	Recursors  []string // host:port, asked for names outside the domains

	Settings Settings
	Logger   *slog.Logger // nil discards
}

// Server answers DNS questions on the sockets given to Serve. Safe for
// concurrent use.
type Server struct {
	cfg      Config
	zones    []*zone // the longer name first, so that one may be inside another
	primary  *zone
	dc       string // lower case
	settings atomic.Pointer[settings]
	log      *slog.Logger

	// local and remote bound the questions being answered off the fast way.
	// They are apart so that dead recursors cannot starve our own names.
	local, remote chan struct{}
	tcpConns      chan struct{}
	jobs          jobPool

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex // guards what follows
	closed bool
	open   map[closer]struct{} // sockets to close, each once
}

type closer interface{ Close() error }

const (
	// maxLocal and maxRemote are how many questions may be in the works at
	// once beside the fast way, some 10 kB each. More are dropped; a DNS
	// client asks again.
	maxLocal  = 512
	maxRemote = 1024
	// maxTCPConns is how many TCP connections are served at once; more are
	// closed on arrival.
	maxTCPConns = 1024
)

// New returns a Server that listens to nothing yet. It fails on domains and
// datacenters that are no DNS names, and without Config.State.
func New(c Config) (*Server, error) {
	if c.State == nil {
		return nil, errors.New("dns server: no source of states")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	primary, err := newZone(c.Domain, c.Datacenter)
	if err != nil {
		return nil, fmt.Errorf("domain: %w", err)
	}
	s := &Server{
		cfg:      c,
		primary:  primary,
		dc:       strings.ToLower(c.Datacenter),
		zones:    []*zone{primary},
		log:      c.Logger,
		local:    make(chan struct{}, maxLocal),
		remote:   make(chan struct{}, maxRemote),
		tcpConns: make(chan struct{}, maxTCPConns),
		open:     map[closer]struct{}{},
	}
	if c.AltDomain != "" && c.AltDomain != "." {
		alt, err := newZone(c.AltDomain, c.Datacenter)
		if err != nil {
			return nil, fmt.Errorf("alternative domain: %w", err)
		}
		if alt.text != primary.text {
			alt.index = 1
			s.zones = append(s.zones, alt)
			if len(alt.wire) > len(primary.wire) {
				s.zones[0], s.zones[1] = alt, primary
			}
		}
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.SetConfig(c.Settings)
	return s, nil
}

// SetConfig replaces the settings, for questions that come from now on.
func (s *Server) SetConfig(set Settings) { s.settings.Store(newSettings(set)) }

// Serve answers what comes in on a socket and a listener, either of which may
// be nil, until Close. It returns at once; the server owns both from now on
// and closes them. It may be called several times, once for each address. A
// server that is closed closes them at once and says so.
func (s *Server) Serve(udp net.PacketConn, tcp net.Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		var errs []error
		if udp != nil {
			errs = append(errs, udp.Close())
		}
		if tcp != nil {
			errs = append(errs, tcp.Close())
		}
		return errors.Join(append(errs, errors.New("dns server is closed"))...)
	}
	if udp != nil {
		c := newUDPConn(udp)
		s.open[udp] = struct{}{}
		for range udpReaders() {
			s.wg.Go(func() { s.serveUDP(c) })
		}
	}
	if tcp != nil {
		s.open[tcp] = struct{}{}
		s.wg.Go(func() { s.serveTCP(tcp) })
	}
	return nil
}

// Close stops serving, gives up questions in the works and returns when all
// goroutines have ended. Safe to call twice.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	var errs []error
	for c := range s.open {
		errs = append(errs, c.Close())
		delete(s.open, c)
	}
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
	return errors.Join(errs...)
}

// own notes a connection for Close; false if the server is closed already.
func (s *Server) own(c closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open[c] = struct{}{}
	return true
}

// release closes a connection unless Close did.
func (s *Server) release(c closer) {
	s.mu.Lock()
	_, ours := s.open[c]
	delete(s.open, c)
	s.mu.Unlock()
	if ours {
		c.Close()
	}
}
