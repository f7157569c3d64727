package harness_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// BenchmarkHeartbeat compares heartbeats through the server that runs the check,
// and through another one, with a bare HTTP server that answers an empty 200. All
// three servers, the clients and the reference share one process.
func BenchmarkHeartbeat(b *testing.B) {
	const checks = 1000
	c := harness.New(b, harness.Options{})
	id := func(n int) string { return fmt.Sprintf("beat-%d", n) }
	own, other := c.Client(0), c.Client(1)
	for n := range checks {
		require.NoError(b, own.Agent().RegisterService(b.Context(), &api.ServiceRegistration{Name: "beat", ID: id(n), Port: 80,
			Check: &api.CheckRegistration{CheckID: id(n), Status: api.Passing, CheckDefinition: api.CheckDefinition{TTL: api.Duration(time.Hour)}}}))
	}
	reference := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Cleanup(reference.Close)
	for _, way := range []struct{ name, addr string }{
		{"reference", reference.Listener.Addr().String()},
		{"own_server", own.Addresses()[0]},
		{"other_server", other.Addresses()[0]},
	} {
		b.Run(way.name, func(b *testing.B) {
			transport := &http.Transport{MaxIdleConnsPerHost: 64}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			var next atomic.Int64
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					req, err := http.NewRequest(http.MethodPut, "http://"+way.addr+"/v1/agent/check/pass/"+id(int(next.Add(1))%checks), nil)
					if err != nil {
						b.Error(err)
						return
					}
					res, err := client.Do(req)
					if err != nil {
						b.Error(err)
						return
					}
					res.Body.Close()
					if res.StatusCode != http.StatusOK {
						b.Error(res.Status)
						return
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
		})
	}
}
