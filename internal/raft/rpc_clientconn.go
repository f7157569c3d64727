package raft

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// clientConn is one connection with any number of calls in flight.
type clientConn struct {
	*frameConn

	mu      sync.Mutex
	dead    bool
	lastID  uint64
	waiting map[uint64]chan reply
	heard   time.Time   // when the last frame came in
	ping    *time.Timer // fires while calls are outstanding, nil otherwise
}

type reply struct {
	body []byte
	err  error
}

func newClientConn(c net.Conn, stall time.Duration) *clientConn {
	return &clientConn{frameConn: newFrameConn(c, maxResponse, stall), waiting: map[uint64]chan reply{}}
}

func (c *clientConn) broken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

func (c *clientConn) call(ctx context.Context, kind string, req []byte) ([]byte, error) {
	var timeout time.Duration
	if d, ok := ctx.Deadline(); ok {
		timeout = max(time.Until(d), time.Millisecond)
	}
	answer := make(chan reply, 1)
	c.mu.Lock()
	if c.dead {
		c.mu.Unlock()
		return nil, api.E(api.Unavailable, "connection to "+c.RemoteAddr().String()+" is closed")
	}
	c.lastID++
	id := c.lastID
	c.waiting[id] = answer
	if c.ping == nil {
		c.heard = time.Now()
		c.ping = time.AfterFunc(c.stall/2, c.keepAlive)
	}
	c.mu.Unlock()

	if err := c.write(frameRequest, id, encodeRequest(kind, timeout), req); err != nil {
		// The frame may have been flushed by another writer: it counts as sent.
		c.Close()
	}
	select {
	case r := <-answer:
		return r.body, r.err
	case <-ctx.Done():
		if c.forget(id) {
			_ = c.write(frameCancel, id)
		}
		return nil, ctx.Err()
	}
}

// forget takes the call off the list and reports whether it was outstanding.
func (c *clientConn) forget(id uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.waiting[id]
	delete(c.waiting, id)
	return ok && !c.dead
}

// keepAlive pings the peer while calls are outstanding and gives the connection
// up when nothing has come in for too long. Without calls it stops itself, so
// an idle connection costs nothing.
func (c *clientConn) keepAlive() {
	c.mu.Lock()
	if c.dead || len(c.waiting) == 0 {
		c.ping = nil
		c.mu.Unlock()
		return
	}
	silent := time.Since(c.heard)
	c.ping.Reset(c.stall / 2)
	c.mu.Unlock()
	if silent > c.stall+c.stall/2 || c.write(framePing, 0) != nil {
		c.Close()
	}
}

// run reads answers until the connection breaks, then fails all calls.
func (c *clientConn) run() {
	var err error
	for err == nil {
		err = c.receive()
	}
	c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
	if c.ping != nil {
		c.ping.Stop()
	}
	lost := api.Wrap(api.OutcomeUnknown, "connection to "+c.RemoteAddr().String()+" broke before the answer", err)
	for _, answer := range c.waiting {
		answer <- reply{err: lost}
	}
	clear(c.waiting)
}

func (c *clientConn) receive() error {
	kind, id, body, err := c.read()
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.heard = time.Now()
	answer, ok := c.waiting[id]
	if kind == frameResponse {
		delete(c.waiting, id)
	}
	c.mu.Unlock()
	if kind != frameResponse || !ok || len(body) == 0 {
		return nil
	}
	if body[0] == 0 {
		answer <- reply{body: body[1:]}
	} else {
		answer <- reply{err: decodeError(body[0], string(body[1:]))}
	}
	return nil
}

// uint64Body and bodyUint64 encode a single number as a call's body.
func uint64Body(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }

func bodyUint64(b []byte) (uint64, []byte, error) {
	if len(b) < 8 {
		return 0, nil, api.E(api.Internal, "short answer")
	}
	return binary.BigEndian.Uint64(b), b[8:], nil
}
