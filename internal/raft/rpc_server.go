package raft

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// maxInFlight bounds the calls of one connection that are served at once. More
// wait unread, which slows their sender down instead of filling this memory.
const maxInFlight = 4096

// handler answers one kind of call.
type handler func(ctx context.Context, req []byte) ([]byte, error)

// rpcServer answers internal calls.
type rpcServer struct {
	ctx    context.Context // ends when the server closes
	cancel context.CancelFunc
	stall  time.Duration

	mu       sync.RWMutex
	handlers map[string]handler

	wg sync.WaitGroup
}

func newRPCServer(stall time.Duration) *rpcServer {
	s := &rpcServer{handlers: map[string]handler{}, stall: stall}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Handle sets the handler of a kind. Calls of unknown kinds are answered with
// api.Unavailable, since a server that starts may not have them all yet.
func (s *rpcServer) Handle(kind string, h handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[kind] = h
}

// Serve answers calls on the listener's connections until it is closed.
func (s *rpcServer) Serve(l net.Listener) {
	s.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.wg.Go(func() { s.serve(conn) })
		}
	})
}

// Close cancels the calls being served and waits for them. The listener's
// connections must have been cut before.
func (s *rpcServer) Close() {
	s.cancel()
	s.wg.Wait()
}

func (s *rpcServer) serve(conn net.Conn) {
	defer conn.Close()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	fc := newFrameConn(conn, maxRequest, s.stall)
	slots := make(chan struct{}, maxInFlight)
	calls := &cancels{m: map[uint64]context.CancelFunc{}}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel() // before waiting: nobody reads the answers any more

	for {
		kind, id, body, err := fc.read()
		if err != nil {
			return
		}
		switch kind {
		case framePing:
			if fc.write(framePong, id) != nil {
				return
			}
		case frameCancel:
			calls.cancel(id)
		case frameRequest:
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			name, timeout, payload, err := parseRequest(body)
			if err != nil {
				return
			}
			callCtx, stop := calls.start(ctx, id, timeout)
			wg.Go(func() {
				defer func() { <-slots }()
				defer stop()
				result, err := s.Call(callCtx, name, payload)
				status := []byte{0}
				if err != nil {
					var text string
					status[0], text = encodeError(err)
					result = []byte(text)
				}
				// A failed write means the connection is gone, which the
				// reader notices.
				_ = fc.write(frameResponse, id, status, result)
			})
		default:
			return
		}
	}
}

// Call runs the handler of a kind in this process.
func (s *rpcServer) Call(ctx context.Context, kind string, req []byte) ([]byte, error) {
	s.mu.RLock()
	h := s.handlers[kind]
	s.mu.RUnlock()
	if h == nil {
		return nil, api.E(api.Unavailable, fmt.Sprintf("server does not answer calls of kind %q", kind))
	}
	return h(ctx, req)
}

func encodeRequest(kind string, timeout time.Duration) []byte {
	b := make([]byte, 0, 5+len(kind))
	b = binary.BigEndian.AppendUint32(b, uint32(min(timeout.Milliseconds(), 1<<31)))
	b = append(b, byte(len(kind)))
	return append(b, kind...)
}

func parseRequest(body []byte) (kind string, timeout time.Duration, payload []byte, err error) {
	if len(body) < 5 || len(body) < 5+int(body[4]) {
		return "", 0, nil, errors.New("short request")
	}
	timeout = time.Duration(binary.BigEndian.Uint32(body)) * time.Millisecond
	end := 5 + int(body[4])
	return string(body[5:end]), timeout, body[end:], nil
}

// cancels holds the cancel functions of the calls of one connection.
type cancels struct {
	mu sync.Mutex
	m  map[uint64]context.CancelFunc
}

func (c *cancels) start(ctx context.Context, id uint64, timeout time.Duration) (context.Context, func()) {
	var cancel context.CancelFunc
	if timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, timeout)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	c.mu.Lock()
	c.m[id] = cancel
	c.mu.Unlock()
	return ctx, func() {
		c.mu.Lock()
		delete(c.m, id)
		c.mu.Unlock()
		cancel()
	}
}

func (c *cancels) cancel(id uint64) {
	c.mu.Lock()
	cancel := c.m[id]
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}
