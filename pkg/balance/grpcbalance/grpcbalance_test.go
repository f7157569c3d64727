package grpcbalance_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/registryd/registryd/pkg/api"
	"github.com/registryd/registryd/pkg/balance"
	"github.com/registryd/registryd/pkg/balance/grpcbalance"
)

func TestMain(m *testing.M) {
	grpcbalance.Register()
	goleak.VerifyTestMain(m)
}

// backend is a gRPC server that counts calls.
type backend struct {
	grpc_health_v1.UnimplementedHealthServer
	srv   *grpc.Server
	port  int
	calls atomic.Int64
	code  atomic.Int32 // to fail with, 0 is none
	done  chan struct{}
}

func (b *backend) Check(context.Context, *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	b.calls.Add(1)
	if c := codes.Code(b.code.Load()); c != codes.OK {
		return nil, status.Error(c, "as told")
	}
	return &grpc_health_v1.HealthCheckResponse{}, nil
}

func startBackend(t *testing.T) *backend {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b := &backend{srv: grpc.NewServer(), port: l.Addr().(*net.TCPAddr).Port, done: make(chan struct{})}
	grpc_health_v1.RegisterHealthServer(b.srv, b)
	go func() {
		defer close(b.done)
		_ = b.srv.Serve(l)
	}()
	t.Cleanup(b.stop)
	return b
}

func (b *backend) stop() {
	b.srv.Stop()
	<-b.done
}

// registry lists backends, with blocking reads.
type registry struct {
	mu    sync.Mutex
	list  []*backend
	index int
	news  chan struct{}
}

func (r *registry) set(list ...*backend) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = list
	r.index++
	close(r.news)
	r.news = make(chan struct{})
}

func (r *registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for q.URL.Query().Get("index") == fmt.Sprint(r.index) {
		news := r.news
		r.mu.Unlock()
		select {
		case <-news:
		case <-q.Context().Done():
		}
		r.mu.Lock()
		if q.Context().Err() != nil {
			return
		}
	}
	var rows []string
	for _, b := range r.list {
		rows = append(rows, fmt.Sprintf(`{"Node":{"Node":"n"},"Service":{"ID":"%d","Service":"g","Address":"127.0.0.1","Port":%d},"Checks":[]}`, b.port, b.port))
	}
	w.Header().Set("X-Consul-Index", fmt.Sprint(r.index))
	fmt.Fprintf(w, "[%s]", strings.Join(rows, ","))
}

// dial returns a client of the service and what makes its registry.
func dial(t *testing.T, opts ...balance.Option) (grpc_health_v1.HealthClient, *registry) {
	r := &registry{index: 1, news: make(chan struct{})}
	srv := httptest.NewServer(r)
	client, err := api.New(api.Config{Addresses: []string{srv.URL}, IgnoreEnv: true})
	require.NoError(t, err)
	conn, err := grpc.NewClient("registry:///g",
		grpc.WithResolvers(grpcbalance.NewResolver(balance.NewDirectory(client), opts...)),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, conn.Close())
		srv.Close()
		require.NoError(t, client.Close())
	})
	return grpc_health_v1.NewHealthClient(conn), r
}

func call(t *testing.T, c grpc_health_v1.HealthClient) error {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := c.Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.WaitForReady(true))
	return err
}

// settle calls until every backend has been called since.
func settle(t *testing.T, c grpc_health_v1.HealthClient, list ...*backend) {
	require.Eventually(t, func() bool {
		require.NoError(t, call(t, c))
		for _, b := range list {
			if b.calls.Load() == 0 {
				return false
			}
		}
		return true
	}, 10*time.Second, time.Millisecond)
	for _, b := range list {
		b.calls.Store(0)
	}
}

func TestCallsAreBalanced(t *testing.T) {
	for _, p := range balance.Policies() {
		t.Run(p.String(), func(t *testing.T) {
			a, b, d := startBackend(t), startBackend(t), startBackend(t)
			c, r := dial(t, balance.WithPolicy(p))
			r.set(a, b)
			settle(t, c, a, b)
			for range 300 {
				require.NoError(t, call(t, c))
			}
			require.InDelta(t, 150, a.calls.Load(), 80)

			r.set(a, b, d)
			settle(t, c, a, b, d)
			r.set(d)
			require.Eventually(t, func() bool {
				before := d.calls.Load()
				for range 10 {
					require.NoError(t, call(t, c))
				}
				return d.calls.Load() == before+10
			}, 10*time.Second, time.Millisecond)
		})
	}
}

func TestFailingInstanceIsLeftOut(t *testing.T) {
	a, b := startBackend(t), startBackend(t)
	c, r := dial(t, balance.WithEjection(balance.Ejection{Base: time.Hour}))
	r.set(a, b)
	settle(t, c, a, b)
	a.code.Store(int32(codes.NotFound))
	for range 40 {
		_ = call(t, c)
	}
	require.Equal(t, int64(20), a.calls.Load(), "to find nothing is no failure")
	a.code.Store(int32(codes.Internal))
	for range 100 {
		_ = call(t, c)
	}
	require.Equal(t, int64(25), a.calls.Load(), "five failures in a row are")
}

func TestKilledInstanceIsLeftOut(t *testing.T) {
	a, b := startBackend(t), startBackend(t)
	c, r := dial(t)
	r.set(a, b)
	settle(t, c, a, b)
	a.stop()
	failed := 0
	for range 100 {
		if call(t, c) != nil {
			failed++
		}
	}
	require.LessOrEqual(t, failed, 1)
}

func TestNoInstances(t *testing.T) {
	c, r := dial(t)
	r.set()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := c.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	require.Equal(t, codes.Unavailable, status.Code(err))
}
