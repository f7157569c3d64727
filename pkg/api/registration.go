package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// RegistrationOptions refine a Registration. Nil and the zero value will do.
type RegistrationOptions struct {
	// TTL adds a TTL check that the registration feeds: when the process dies
	// the instance turns critical after this time. 0 means 15 s if the service
	// names no check of its own, else no such check.
	TTL time.Duration
	// DeregisterAfter removes the instance for good when that check has been
	// critical for so long; 0 means never, and servers take no less than a
	// minute.
	DeregisterAfter time.Duration
	// Health is asked before each heartbeat for the status (Passing, Warning
	// or Critical) and a word for people; nil means always Passing. It must
	// return soon: a late heartbeat looks like a dead process.
	Health func(context.Context) (status, output string)
	// Interval is how often to look, without a heartbeat, whether the service
	// is still registered; 0 means 10 s.
	Interval time.Duration
	// OnError is told what went wrong and will be tried again. It is called
	// from the registration's goroutine.
	OnError func(error)
}

// Registration keeps a service instance registered until Close. It feeds its
// heartbeat, moves to another server when the present one is away, and
// registers anew when the cluster has lost the instance. Its methods may be
// used by many goroutines.
type Registration struct {
	c *Client
	o RegistrationOptions

	turn    chan struct{} // held while registering: the newest must come last
	mu      sync.Mutex
	service ServiceRegistration // as it is to be
	version int                 // of service; each Update makes another
	sent    int                 // the version the cluster has
	server  string              // the address it was registered through
	err     error               // of the last heartbeat or look
	sweep   bool                // look for leftovers on dead servers; the goroutine's own

	stop   chan struct{}
	ctx    context.Context // of the calls; outlives stop for a moment
	cancel context.CancelFunc
	done   chan struct{}
	close  sync.Once
	end    error // of Close
}

// Register registers a service instance and keeps it so until Close, which the
// caller must call. Ctx bounds the first registration only; its error is
// returned, and nothing is kept then.
//
// The instance's address, if s has none, is that from which the server is
// reached, so that the instance is not bound to the life of one server. Over
// loopback or a socket file it stays empty, which means the server's own.
func (c *Client) Register(ctx context.Context, s *ServiceRegistration, o *RegistrationOptions) (*Registration, error) {
	r := &Registration{c: c, turn: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	if o != nil {
		r.o = *o
	}
	if r.o.TTL == 0 && s.Check == nil && len(s.Checks) == 0 {
		r.o.TTL = 15 * time.Second
	}
	if r.o.Interval <= 0 {
		r.o.Interval = 10 * time.Second
	}
	if r.o.TTL > 0 {
		// A stuck server must leave time to ask another.
		r.c = c.within(r.o.TTL / 6)
	}
	if err := r.set(s); err != nil {
		return nil, err
	}
	if err := r.register(ctx); err != nil {
		if ctx.Err() != nil || errors.Is(err, OutcomeUnknown) {
			r.undo(ctx)
		}
		return nil, err
	}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go r.run()
	return r, nil
}

// ID returns the ID of the instance.
func (r *Registration) ID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.service.ID
}

// Err returns why the last heartbeat failed, or nil if it did not.
func (r *Registration) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Update registers s in place of what was registered so far, at once. It must
// have the same ID. If the cluster could not be asked or gave no answer (kinds
// such as Unavailable, NoLeader and OutcomeUnknown) the registration keeps
// trying; if it refused s, what was registered so far stands.
func (r *Registration) Update(ctx context.Context, s *ServiceRegistration) error {
	id := s.ID
	if id == "" {
		id = s.Name
	}
	if id != r.ID() {
		return E(Invalid, "registration cannot change the ID of its service")
	}
	r.mu.Lock()
	old := r.service
	r.mu.Unlock()
	if err := r.set(s); err != nil {
		return err
	}
	err := r.register(ctx)
	if err != nil && !transient(err) && ctx.Err() == nil {
		r.mu.Lock()
		r.service = old
		r.mu.Unlock()
	}
	return err
}

// Close stops the heartbeat and deregisters the instance, for which it takes at
// most about five seconds. The error says that the latter failed. Further
// calls return what the first returned.
func (r *Registration) Close() error {
	r.close.Do(func() {
		// A registration under way must be over before the instance is
		// removed, or it would come back: it gets time to end by itself.
		giveUp := time.AfterFunc(2*time.Second, r.cancel)
		close(r.stop)
		<-r.done
		giveUp.Stop()
		r.cancel()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), 3*time.Second)
		defer cancel()
		r.end = r.deregister(ctx)
	})
	return r.end
}

// undo removes what the registration may have done whose answer did not come:
// nobody would ever close it. It tries for a second.
func (r *Registration) undo(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = r.deregister(ctx)
}

// deregister removes the instance; that it is gone already is fine, which also
// makes it safe to repeat.
func (r *Registration) deregister(ctx context.Context) error {
	pause := newBackoff(50*time.Millisecond, 500*time.Millisecond)
	for {
		err := r.c.Agent().DeregisterService(ctx, r.ID())
		if err == nil || errors.Is(err, NotFound) {
			return nil
		}
		if !transient(err) || pause.wait(ctx) != nil {
			return err
		}
	}
}

// set takes over a service, with the heartbeat's check added.
func (r *Registration) set(s *ServiceRegistration) error {
	if err := named("service name", s.Name); err != nil {
		return err
	}
	own := *s
	if own.ID == "" {
		own.ID = own.Name
	}
	own.Checks = slices.Clone(own.Checks)
	if r.o.TTL > 0 {
		own.Checks = append(own.Checks, &CheckRegistration{
			CheckID: heartbeatID(own.ID),
			Name:    "heartbeat",
			Notes:   "sent by the service itself",
			Status:  Passing,
			CheckDefinition: CheckDefinition{
				TTL:                            Duration(r.o.TTL),
				DeregisterCriticalServiceAfter: Duration(r.o.DeregisterAfter),
			},
		})
	}
	r.mu.Lock()
	r.service = own
	r.version++
	r.mu.Unlock()
	return nil
}

func heartbeatID(service string) string { return "heartbeat:" + service }

// register sends the service to the present server.
func (r *Registration) register(ctx context.Context) error {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	r.mu.Lock()
	s, version := r.service, r.version
	r.mu.Unlock()
	if r.o.TTL > 0 {
		own := len(s.Checks) - 1 // set puts the heartbeat last
		beat := *s.Checks[own]
		beat.Status, _ = r.health(ctx)
		s.Checks = append(slices.Clone(s.Checks[:own]), &beat)
	}
	if s.Address == "" {
		addr, err := r.localAddress(ctx)
		if err != nil {
			return err
		}
		s.Address = addr
	}
	body, err := encode(&s)
	if err != nil {
		return err
	}
	// Equal registrations change nothing, so this one may be repeated.
	rep, err := r.c.do(ctx, &request{method: http.MethodPut, path: "/v1/agent/service/register", body: body, repeatable: true})
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.server, r.sent = rep.meta.Address, version
	r.mu.Unlock()
	return nil
}

// health asks for the status to report.
func (r *Registration) health(ctx context.Context) (status, output string) {
	if r.o.Health == nil {
		return Passing, ""
	}
	ctx, cancel := context.WithTimeout(ctx, r.o.TTL/3)
	defer cancel()
	return r.o.Health(ctx)
}

// localAddress is our end of a connection to the server, as text, or "" if
// nobody else could use it.
func (r *Registration) localAddress(ctx context.Context) (string, error) {
	rep, err := r.c.do(ctx, &request{method: http.MethodGet, path: "/v1/status/leader"})
	if err != nil {
		return "", err
	}
	tcp, isTCP := rep.local.(*net.TCPAddr)
	if !isTCP || tcp.IP.IsLoopback() || tcp.IP.IsUnspecified() || tcp.IP.IsLinkLocalUnicast() {
		return "", nil
	}
	return tcp.IP.String(), nil
}
