package raft

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// rpcClient makes internal calls to other servers, over one connection to each
// address that is kept and shared by concurrent calls.
type rpcClient struct {
	dial  dialFunc
	stall time.Duration // longest silence of a peer while calls are outstanding

	mu     sync.Mutex
	closed bool
	peers  map[string]*rpcPeer
	wg     sync.WaitGroup
}

func newRPCClient(dial dialFunc, stall time.Duration) *rpcClient {
	return &rpcClient{dial: dial, stall: stall, peers: map[string]*rpcPeer{}}
}

// Call asks the server at an endpoint. Errors of its handler come back with their kind
// and text. When no connection could be made the error is api.Unavailable and
// the call has not been sent; when the connection broke before the answer it is
// api.OutcomeUnknown. A context that ends gives its error, and then the call
// may have been served as well.
func (c *rpcClient) Call(ctx context.Context, addr, kind string, req []byte) ([]byte, error) {
	if len(req) > maxRequest-512 {
		return nil, api.E(api.TooLarge, fmt.Sprintf("request of %d bytes, the limit is %d", len(req), maxRequest-512))
	}
	conn, err := c.conn(ctx, addr)
	if err != nil {
		return nil, err
	}
	return conn.call(ctx, kind, req)
}

// Close breaks all connections; outstanding calls fail.
func (c *rpcClient) Close() {
	c.mu.Lock()
	c.closed = true
	for _, p := range c.peers {
		if p.conn != nil {
			p.conn.Close()
		}
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// rpcPeer is the connection to one address; dialing is done once for all who
// wait for it.
type rpcPeer struct {
	conn    *clientConn
	dialing chan struct{} // closed when the attempt under way has ended
	err     error         // of the last attempt
}

func (c *rpcClient) conn(ctx context.Context, addr string) (*clientConn, error) {
	c.mu.Lock()
	for {
		if c.closed {
			c.mu.Unlock()
			return nil, errClosed
		}
		p := c.peers[addr]
		if p == nil {
			p = &rpcPeer{}
			c.peers[addr] = p
		}
		if p.conn != nil && !p.conn.broken() {
			conn := p.conn
			c.mu.Unlock()
			return conn, nil
		}
		wait := p.dialing
		if wait == nil {
			wait = make(chan struct{})
			p.dialing = wait
			c.wg.Go(func() { c.connect(addr, p) })
		}
		c.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, api.Wrap(api.Unavailable, "connect to "+addr, ctx.Err())
		}
		c.mu.Lock()
		if p.err != nil && p.dialing == nil {
			err := p.err
			c.mu.Unlock()
			return nil, api.Wrap(api.Unavailable, "connect to "+addr, err)
		}
	}
}

// connect makes one attempt to dial, for everybody who waits for it.
func (c *rpcClient) connect(addr string, p *rpcPeer) {
	ctx, cancel := context.WithTimeout(context.Background(), c.stall)
	defer cancel()
	conn, err := dialEndpoint(ctx, c.dial, protoCalls, addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	close(p.dialing)
	p.dialing, p.err = nil, err
	if err != nil {
		return
	}
	if c.closed {
		conn.Close()
		return
	}
	cc := newClientConn(conn, c.stall)
	p.conn = cc
	c.wg.Go(cc.run)
}
