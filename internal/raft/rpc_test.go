package raft

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

type rpcPair struct {
	*rpcServer
	*rpcClient
	mux  *mux
	addr string
}

func newRPCPair(t *testing.T, stall time.Duration) *rpcPair {
	l := listen(t)
	p := &rpcPair{addr: l.Addr().String()}
	p.mux = newMux("self", []net.Listener{l}, l.Addr(), protoRaft, protoCalls)
	p.rpcServer = newRPCServer(stall)
	p.rpcServer.Serve(p.mux.Port(protoCalls))
	p.rpcClient = newRPCClient(func(ctx context.Context, addr string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}, stall)
	t.Cleanup(func() {
		p.rpcClient.Close()
		p.rpcServer.cancel()
		p.mux.Close()
		p.rpcServer.Close()
	})
	return p
}

func (p *rpcPair) ask(ctx context.Context, kind string, req []byte) ([]byte, error) {
	return p.rpcClient.Call(ctx, p.addr, kind, req)
}

func TestCalls(t *testing.T) {
	p := newRPCPair(t, time.Second)
	p.Handle("echo", func(_ context.Context, req []byte) ([]byte, error) { return req, nil })
	var wg sync.WaitGroup
	for i := range 500 {
		wg.Go(func() {
			want := bytes.Repeat([]byte{byte(i)}, i*100)
			got, err := p.ask(t.Context(), "echo", want)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got))
		})
	}
	wg.Wait()
	require.Len(t, p.peers, 1)

	_, err := p.ask(t.Context(), "echo", make([]byte, maxRequest))
	require.ErrorIs(t, err, api.TooLarge)
	_, err = p.ask(t.Context(), "nothing", nil)
	require.ErrorIs(t, err, api.Unavailable)
	_, err = p.rpcClient.Call(t.Context(), "127.0.0.1:1", "echo", nil)
	require.ErrorIs(t, err, api.Unavailable)

	// The server that is meant must be there.
	_, err = p.rpcClient.Call(t.Context(), endpoint("self", p.addr), "echo", nil)
	require.NoError(t, err)
	_, err = p.rpcClient.Call(t.Context(), endpoint("other", p.addr), "echo", nil)
	require.ErrorIs(t, err, api.Unavailable)
	require.ErrorContains(t, err, "is not the server with ID other")
}

// Every kind of error is the same at both ends.
func TestErrorsCrossTheWire(t *testing.T) {
	p := newRPCPair(t, time.Second)
	p.Handle("fail", func(_ context.Context, req []byte) ([]byte, error) {
		switch req[0] {
		case 200:
			return nil, errors.New("plain")
		case 201:
			return nil, fmt.Errorf("wait: %w", context.DeadlineExceeded)
		}
		return nil, fmt.Errorf("op: %w", api.E(api.Kind(req[0]), "because"))
	})
	for k := api.Internal; k <= api.Timeout; k++ {
		_, err := p.ask(t.Context(), "fail", []byte{byte(k)})
		require.ErrorIs(t, err, k)
		require.EqualError(t, err, "op: because")
	}
	_, err := p.ask(t.Context(), "fail", []byte{200})
	require.ErrorIs(t, err, api.Internal)
	require.EqualError(t, err, "plain")
	_, err = p.ask(t.Context(), "fail", []byte{201})
	require.ErrorIs(t, err, api.Timeout)
}

func TestCallIsCancelled(t *testing.T) {
	p := newRPCPair(t, time.Second)
	began, ended := make(chan bool, 1), make(chan error, 1)
	p.Handle("wait", func(ctx context.Context, _ []byte) ([]byte, error) {
		_, bounded := ctx.Deadline()
		began <- bounded
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	_, err := p.ask(ctx, "wait", nil)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, <-ended, context.Canceled)

	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = p.ask(ctx, "wait", nil)
	require.Error(t, err)
	require.True(t, <-began, "the deadline travels")
	<-ended
}

// A call whose connection breaks has an unknown outcome; the next one gets a
// new connection.
func TestBrokenConnection(t *testing.T) {
	p := newRPCPair(t, time.Second)
	began := make(chan struct{})
	p.Handle("wait", func(ctx context.Context, _ []byte) ([]byte, error) {
		close(began)
		<-ctx.Done()
		return nil, ctx.Err()
	})
	p.Handle("echo", func(_ context.Context, req []byte) ([]byte, error) { return req, nil })
	go func() {
		<-began
		p.rpcClient.mu.Lock()
		defer p.rpcClient.mu.Unlock()
		p.peers[p.addr].conn.Conn.Close()
	}()
	_, err := p.ask(t.Context(), "wait", nil)
	require.ErrorIs(t, err, api.OutcomeUnknown)
	require.Eventually(t, func() bool {
		got, err := p.ask(t.Context(), "echo", []byte("x"))
		return err == nil && string(got) == "x"
	}, 5*time.Second, 5*time.Millisecond)
}

// A peer that takes connections and says nothing is noticed.
func TestSilentPeer(t *testing.T) {
	l := listen(t)
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err == nil {
			_, _ = conn.Write([]byte{greeted})
			_, _ = io.Copy(io.Discard, conn)
			conn.Close()
		}
	}()
	client := newRPCClient(func(ctx context.Context, addr string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}, 50*time.Millisecond)
	defer client.Close()
	_, err := client.Call(t.Context(), l.Addr().String(), "echo", nil)
	require.ErrorIs(t, err, api.OutcomeUnknown)
	<-done
}

// Whatever is sent to the port harms nobody else.
func TestGarbageOnThePort(t *testing.T) {
	p := newRPCPair(t, time.Second)
	p.Handle("echo", func(_ context.Context, req []byte) ([]byte, error) { return req, nil })
	for _, garbage := range []string{
		"", "X", "GET / HTTP/1.1\r\n\r\n",
		"C\x05other", "C\x05se", "X\x00", "C\x00\x00",
		"C\x00\xff\xff\xff\xff", "C\x00\x00\x00\x00\x01", "C\x00\x00\x00\x00\x09\x01\x00\x00\x00\x00\x00\x00\x00\x01",
		"C\x04self\x00\x00\x00\x0e\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\xff",
		"C\x00\x00\x00\x00\x09\x63\x00\x00\x00\x00\x00\x00\x00\x01",
	} {
		conn, err := net.Dial("tcp", p.addr)
		require.NoError(t, err)
		_, err = io.WriteString(conn, garbage)
		require.NoError(t, err)
		require.NoError(t, conn.(*net.TCPConn).CloseWrite())
		if len(garbage) == 0 || garbage[0] == 'C' || garbage[0] == 'X' {
			_, _ = io.ReadAll(conn) // until the server has hung up
		}
		conn.Close()
	}
	got, err := p.ask(t.Context(), "echo", []byte("x"))
	require.NoError(t, err)
	require.Equal(t, "x", string(got))
}

func TestMuxClose(t *testing.T) {
	l, extra := listen(t), listen(t)
	m := newMux("self", []net.Listener{l, extra}, l.Addr(), protoRaft)
	handled := make(chan error, 3)
	go func() {
		for {
			conn, err := m.Port(protoRaft).Accept()
			if err != nil {
				handled <- err
				return
			}
			go func() {
				_, err := io.ReadAll(conn)
				handled <- err
				conn.Close()
			}()
		}
	}()
	var conns []net.Conn
	for _, l := range []net.Listener{l, extra} {
		conn, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		_, err = conn.Write([]byte{protoRaft, 0})
		require.NoError(t, err)
		conns = append(conns, conn)
	}
	idle, err := net.Dial("tcp", l.Addr().String()) // says nothing
	require.NoError(t, err)
	// Both are being handled when the mux is closed under them.
	require.Eventually(t, func() bool {
		m.conns.mu.Lock()
		defer m.conns.mu.Unlock()
		return len(m.conns.conns) == 3
	}, 5*time.Second, time.Millisecond)
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	for _, conn := range append(conns, idle) {
		_, err := io.ReadAll(conn)
		_ = err // reset or end of file, but not a wait
		conn.Close()
	}
	require.Error(t, <-handled)
}
