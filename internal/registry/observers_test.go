package registry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/checks"
	"github.com/registryd/registryd/internal/raft"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// target is a service that some servers cannot reach.
type target struct {
	mu    sync.Mutex
	from  map[string]bool // servers that are refused
	asked map[string]int  // by server
}

// seenFrom is how a server reaches the target.
func (x *target) seenFrom(server string) http.RoundTripper {
	return tripper(func(req *http.Request) (*http.Response, error) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.asked[server]++
		if x.from[server] {
			return nil, errors.New("connection refused for " + server)
		}
		return &http.Response{StatusCode: 200, Request: req, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("fine"))}, nil
	})
}

func (x *target) refuse(server string, refused bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.from[server] = refused
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// observing returns a leading registry s1 and starts s2 and s3 beside it, over
// the same state, each with a real runner that reaches the target its own way.
func observing(t *testing.T, x *target) (r *testRegistry, others map[string]*Registry) {
	t.Helper()
	runner := func(r *Registry) Heartbeats {
		run := checks.NewRunner(checks.Config{Server: r.cfg.Name, Emit: r.Emit, HTTPTransport: x.seenFrom(r.cfg.Name)})
		t.Cleanup(func() { r.Close(); run.Close() })
		return run
	}
	r, others = openWith(t, Config{}, runner), map[string]*Registry{}
	for _, name := range []string{"s2", "s3"} {
		id := "id-" + name[1:]
		r.cons.join(raft.ServerInfo{ID: id, Address: "127.0.0." + name[1:] + ":8300", Name: name, Voter: true})
		other := New(Config{Name: name, ID: id, Datacenter: "dc1", Logger: slog.New(slog.DiscardHandler), Self: r.cfg.Self, Dir: r.cfg.Dir}, r.st, r.cons)
		other.Start(runner(other), make(chan raft.Term), make(chan raft.Liveness))
		others[name] = other
	}
	r.lead()
	for len(r.State().LiveServers()) < 3 {
		settle()
	}
	settle()
	return r, others
}

// TestOneObserverAloneTurnsNothing: a target refuses one of the three servers
// that look at it.
func TestOneObserverAloneTurnsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &target{from: map[string]bool{}, asked: map[string]int{}}
		r, others := observing(t, x)
		x.refuse("s2", true)
		require.NoError(t, r.RegisterCatalog(context.Background(), &api.CatalogRegistration{Node: "host", Address: "10.0.0.9", Service: &api.Service{Service: "web"},
			Check: &api.Check{CheckID: "web", ServiceID: "web", Definition: &api.CheckDefinition{HTTP: "http://target/", Interval: api.Duration(10 * time.Second), Observers: 3}}}))
		check := func() *api.Check {
			synctest.Wait()
			v, _ := r.State().Node("host")
			return v.Check("web")
		}
		time.Sleep(11 * time.Second)
		require.Equal(t, api.Passing, check().Status)
		require.Equal(t, []api.CheckVote{{Server: "s1", Status: api.Passing}, {Server: "s2", Status: api.Critical}, {Server: "s3", Status: api.Passing}}, check().Verdict.Votes)

		first := check()
		before := r.cons.proposals()
		time.Sleep(2 * time.Minute)
		require.Same(t, first, check(), "nothing flips")
		require.LessOrEqual(t, r.cons.proposals()-before, 3, "votes are written when they change")
		for _, name := range []string{"s1", "s2", "s3"} {
			require.Greater(t, x.asked[name], 10, "all of them look")
		}

		x.refuse("s3", true)
		time.Sleep(11 * time.Second)
		require.Equal(t, api.Critical, check().Status)
		require.Contains(t, check().Output, "connection refused for s3")
		x.refuse("s2", false)
		time.Sleep(11 * time.Second)
		require.Equal(t, api.Passing, check().Status)

		// With two left both have to agree.
		others["s2"].Close()
		r.do(&store.Liveness{Node: "s2"})
		time.Sleep(time.Minute)
		require.Equal(t, api.Passing, check().Status)
		require.Len(t, check().Verdict.Votes, 2)
		x.refuse("s1", true)
		time.Sleep(11 * time.Second)
		require.Equal(t, api.Critical, check().Status)
	})
}

func TestObserversAreRefusedWhereOnlyOneCanTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := started(t)
		ctx := context.Background()
		def := api.CheckDefinition{TTL: api.Duration(time.Second), Observers: 3}
		err := r.RegisterCheck(ctx, &api.CheckRegistration{Name: "x", CheckDefinition: def})
		require.ErrorIs(t, err, api.Invalid)
		require.EqualError(t, err, "Observers and TTL cannot both be specified: heartbeats reach one server")
		reg := &api.CatalogRegistration{Node: "n", Address: "a", Check: &api.Check{Name: "x", Definition: &def}}
		require.ErrorIs(t, r.RegisterCatalog(ctx, reg), api.Invalid)
		reg.Check.Definition = &api.CheckDefinition{TCP: "x:1", Interval: def.TTL, Observers: 8}
		require.EqualError(t, r.RegisterCatalog(ctx, reg), "Invalid check \"x\": Observers is 8: a check is run by 1 to 7 servers")
		reg.Check.Definition = &api.CheckDefinition{TCP: "x:1", Interval: def.TTL, Observers: 7}
		require.NoError(t, r.RegisterCatalog(ctx, reg))
		out, err := r.Txn(ctx, &store.Txn{Ops: []store.TxnOp{{Verb: store.CatalogSet, Check: &api.Check{Node: "n", Name: "y", Definition: &def}}}})
		require.NoError(t, err)
		require.Len(t, out.Faults, 1)
	})
}
