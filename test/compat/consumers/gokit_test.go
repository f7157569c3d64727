package consumers

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/go-kit/kit/endpoint"
	"github.com/go-kit/kit/sd"
	kitconsul "github.com/go-kit/kit/sd/consul"
	"github.com/go-kit/kit/sd/lb"
	"github.com/go-kit/log"
	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/test/compat/internal/rig"
)

// hello starts a service that says who it is and registers it the way go-kit
// does. The address is none of the servers', so that it outlives them.
func hello(t *testing.T, s stage, id string) *kitconsul.Registrar {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.2:0")
	require.NoError(t, err)
	srv := &httptest.Server{Listener: ln, Config: &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(rw, id)
	})}}
	srv.Start()
	t.Cleanup(srv.Close)
	reg := kitconsul.NewRegistrar(kitconsul.NewClient(s.client(t)), &api.AgentServiceRegistration{
		ID: id, Name: "kit-hello", Tags: []string{"prod", "v1"}, Address: "127.0.0.2", Port: ln.Addr().(*net.TCPAddr).Port,
	}, log.NewNopLogger())
	reg.Register()
	return reg
}

// testGoKit finds instances of a service through go-kit's registry adapter and
// balances calls over them.
func testGoKit(t *testing.T, s stage) {
	first := hello(t, s, "kit-1")
	hello(t, s, "kit-2")
	instancer := kitconsul.NewInstancer(kitconsul.NewClient(s.client(t)), log.NewNopLogger(), "kit-hello", []string{"prod", "v1"}, true)
	defer instancer.Stop()
	factory := func(instance string) (endpoint.Endpoint, io.Closer, error) {
		return func(ctx context.Context, _ any) (any, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+instance, nil)
			if err != nil {
				return nil, err
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return nil, err
			}
			defer resp.Body.Close()
			raw, err := io.ReadAll(resp.Body)
			return string(raw), err
		}, nil, nil
	}
	endpointer := sd.NewEndpointer(instancer, factory, log.NewNopLogger())
	defer endpointer.Close()
	call := lb.Retry(3, 5*time.Second, lb.NewRoundRobin(endpointer))
	answers := func(n int) (map[any]int, error) {
		seen := map[any]int{}
		for range n {
			who, err := call(t.Context(), nil)
			if err != nil {
				return nil, err
			}
			seen[who]++
		}
		return seen, nil
	}
	expect := func(ids ...string) {
		t.Helper()
		rig.Eventually(t, "go-kit calls "+strconv.Itoa(len(ids))+" instances", func() error {
			seen, err := answers(2 * len(ids))
			for _, id := range ids {
				if err == nil && seen[id] != 2 {
					err = fmt.Errorf("calls went to %v", seen)
				}
			}
			return err
		})
	}
	expect("kit-1", "kit-2")
	s.afterTheKill(t)
	expect("kit-1", "kit-2")
	hello(t, s, "kit-3")
	expect("kit-1", "kit-2", "kit-3")
	first.Deregister()
	expect("kit-2", "kit-3")
}
