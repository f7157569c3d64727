package consumers

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/resolver/dns"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

// serving says that a service of gRPC's health protocol is well.
type serving struct {
	grpc_health_v1.UnimplementedHealthServer
}

func (serving) Check(context.Context, *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	return &grpc_health_v1.HealthCheckResponse{Status: grpc_health_v1.HealthCheckResponse_SERVING}, nil
}

// testGRPC finds instances through gRPC's own resolver, which asks DNS, and
// balances calls over them. gRPC looks for addresses only: all instances have
// one port, 0 being any to the first.
func testGRPC(t *testing.T, s stage) {
	dns.SetMinResolutionInterval(100 * time.Millisecond)
	client := s.client(t)
	port := 0
	instance := func(host string) (stop func()) {
		t.Helper()
		ln, err := net.Listen("tcp", fmt.Sprintf("%s:%d", host, port))
		require.NoError(t, err)
		port = ln.Addr().(*net.TCPAddr).Port
		srv := grpc.NewServer()
		grpc_health_v1.RegisterHealthServer(srv, serving{})
		go func() { _ = srv.Serve(ln) }()
		t.Cleanup(srv.Stop)
		id := "grpc-" + host
		rig.Eventually(t, "register "+id, func() error {
			return client.Agent().ServiceRegister(&api.AgentServiceRegistration{ID: id, Name: "grpc-hello", Address: host, Port: port})
		})
		return func() {
			srv.Stop()
			rig.Eventually(t, "deregister "+id, func() error { return client.Agent().ServiceDeregister(id) })
		}
	}
	// gRPC asks again only when a connection breaks, and DNS may be a moment
	// behind: what it is to find has to be there before it looks.
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.dns)
	}}
	listed := func(host string) {
		t.Helper()
		rig.Eventually(t, host+" in DNS", func() error {
			have, err := resolver.LookupHost(t.Context(), "grpc-hello.service.consul.")
			if err == nil && !slices.Contains(have, host) {
				err = fmt.Errorf("there are %v", have)
			}
			return err
		})
	}
	stop := instance("127.0.0.11")
	instance("127.0.0.12")
	listed("127.0.0.11")
	listed("127.0.0.12")

	conn, err := grpc.NewClient(fmt.Sprintf("dns://%s/grpc-hello.service.consul:%d", s.dns, port),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`))
	require.NoError(t, err)
	defer conn.Close()
	call := func() (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var from peer.Peer
		_, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.Peer(&from))
		if err != nil {
			return "", err
		}
		host, _, err := net.SplitHostPort(from.Addr.String())
		return host, err
	}
	expect := func(hosts ...string) {
		t.Helper()
		rig.Eventually(t, fmt.Sprint("gRPC calls ", hosts), func() error {
			seen := map[string]int{}
			for range 4 * len(hosts) {
				host, err := call()
				if err != nil {
					return err
				}
				seen[host]++
			}
			if have := slices.Sorted(maps.Keys(seen)); !slices.Equal(have, hosts) {
				return fmt.Errorf("calls went to %v", have)
			}
			return nil
		})
	}
	expect("127.0.0.11", "127.0.0.12")
	s.afterTheKill(t)
	for range 10 {
		_, err := call()
		require.NoError(t, err, "the calls themselves have nothing to do with the servers")
	}
	// One goes and another comes: gRPC looks again when a connection breaks.
	instance("127.0.0.13")
	listed("127.0.0.13")
	stop()
	expect("127.0.0.12", "127.0.0.13")
}
