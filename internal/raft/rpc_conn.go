package raft

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Internal calls travel as frames, several calls at once over one connection:
//
//	length  uint32  of all that follows
//	type    byte    request, response, cancel, ping, pong
//	id      uint64  the call, chosen by the caller
//	body            request:  timeout uint32 (ms, 0 none), len(kind) byte, kind, payload
//	                response: status byte (0 fine, else 1+api.Kind), result or error text
//
// Numbers are big endian. A cancel tells that the caller no longer waits; pings
// are sent while calls are outstanding, so that a peer that vanished is noticed.
const (
	frameRequest byte = iota + 1
	frameResponse
	frameCancel
	framePing
	framePong
)

const (
	frameHead = 4 + 1 + 8
	// maxRequest bounds what a server reads for one call, maxResponse what a
	// client does. A command is far below; answers may list whole tables.
	maxRequest  = 8 << 20
	maxResponse = 64 << 20
)

// frameConn reads and writes frames. One goroutine reads; any number write.
type frameConn struct {
	net.Conn
	in    *bufio.Reader
	limit int // of a frame read

	writers atomic.Int32 // that hold or wait for mu
	mu      sync.Mutex
	out     *bufio.Writer
	stall   time.Duration // longest a write may take
}

func newFrameConn(c net.Conn, limit int, stall time.Duration) *frameConn {
	return &frameConn{
		Conn: c, limit: limit, stall: stall,
		in: bufio.NewReaderSize(c, 32<<10), out: bufio.NewWriterSize(c, 32<<10),
	}
}

// write sends one frame whose body is the given pieces. The last of several
// concurrent writers flushes for all, so a burst of calls is one packet.
func (c *frameConn) write(kind byte, id uint64, pieces ...[]byte) error {
	n := frameHead - 4
	for _, p := range pieces {
		n += len(p)
	}
	var head [frameHead]byte
	binary.BigEndian.PutUint32(head[:], uint32(n))
	head[4] = kind
	binary.BigEndian.PutUint64(head[5:], id)

	c.writers.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	last := func() bool { return c.writers.Add(-1) == 0 }
	if _, err := c.out.Write(head[:]); err != nil {
		last()
		return err
	}
	for _, p := range pieces {
		if len(p) > c.out.Available() {
			c.SetWriteDeadline(time.Now().Add(c.stall))
		}
		if _, err := c.out.Write(p); err != nil {
			last()
			return err
		}
	}
	if !last() {
		return nil
	}
	c.SetWriteDeadline(time.Now().Add(c.stall))
	return c.out.Flush()
}

// read returns the next frame. The body is the caller's to keep.
func (c *frameConn) read() (kind byte, id uint64, body []byte, err error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, 0, nil, err
	}
	n := int(binary.BigEndian.Uint32(head[:])) - (frameHead - 4)
	if n < 0 || n > c.limit {
		return 0, 0, nil, fmt.Errorf("frame of %d bytes, the limit is %d", n, c.limit)
	}
	if n > 0 {
		body = make([]byte, n)
		if _, err := io.ReadFull(c.in, body); err != nil {
			return 0, 0, nil, err
		}
	}
	return head[4], binary.BigEndian.Uint64(head[5:]), body, nil
}
