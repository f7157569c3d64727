package harness_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// fleet is many instances of one service, played by one HTTP server: each has
// an address of its own on the loopback network and answers its check for as
// long as it lives. It also is what must be true of every answer about them.
type fleet struct {
	t       *testing.T
	c       *harness.Cluster
	port    int
	clients []*api.Client // one of each server

	mu   sync.Mutex
	ids  []string        // all there ever were
	dead map[string]bool // no longer answer their checks
	// steady are those that were seen passing and live: each answer to a
	// question asked from then on shows them so.
	steady map[string]bool
	// gone were seen to be deregistered: no answer to a question asked from then
	// on shows them again.
	gone map[string]bool
}

const fleetName = "fleet"

func newFleet(t *testing.T, c *harness.Cluster) *fleet {
	f := &fleet{t: t, c: c, dead: map[string]bool{}, steady: map[string]bool{}, gone: map[string]bool{}}
	for i := range c.Len() {
		f.clients = append(f.clients, c.Client(i))
	}
	ln, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	f.port = ln.Addr().(*net.TCPAddr).Port
	web := &http.Server{Handler: http.HandlerFunc(f.answer)}
	var serving sync.WaitGroup
	serving.Go(func() { _ = web.Serve(ln) })
	t.Cleanup(func() { web.Close(); serving.Wait() })
	return f
}

// answer is an instance's side of its check.
func (f *fleet) answer(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	dead := f.dead[r.URL.Path[1:]]
	f.mu.Unlock()
	if dead {
		http.Error(w, "dead", http.StatusInternalServerError)
	}
}

// add registers one more instance, every third as an external node in the
// catalog, and returns its ID. It goes through the server given, and while that
// does not answer through the others.
func (f *fleet) add(server int, interval time.Duration) string {
	f.t.Helper()
	f.mu.Lock()
	n := len(f.ids)
	id := fmt.Sprintf("i-%d", n)
	f.ids = append(f.ids, id)
	f.mu.Unlock()
	address := fmt.Sprintf("127.200.%d.%d", n/250, 1+n%250)
	def := api.CheckDefinition{
		HTTP: fmt.Sprintf("http://%s:%d/%s", address, f.port, id), Interval: api.Duration(interval),
		DeregisterCriticalServiceAfter: api.Duration(time.Second),
	}
	harness.Await(f.t, "registration of "+id, func() error {
		client := f.clients[server%len(f.clients)]
		server++
		if n%3 == 2 {
			return client.Catalog().Register(f.c.Context(), &api.CatalogRegistration{
				Node: "host-" + id, Address: address,
				Service: &api.Service{ID: id, Service: fleetName, Address: address, Port: f.port},
				Checks:  []*api.Check{{CheckID: "alive-" + id, Name: "alive", ServiceID: id, Status: api.Passing, Definition: &def}},
			})
		}
		return client.Agent().RegisterService(f.c.Context(), &api.ServiceRegistration{
			ID: id, Name: fleetName, Address: address, Port: f.port,
			Check: &api.CheckRegistration{CheckID: "alive-" + id, CheckDefinition: def},
		})
	})
	return id
}

// kill lets an instance fail its check from now on.
func (f *fleet) kill(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.steady, id)
	f.dead[id] = true
}

// awaitPassing waits until the instances are shown passing. From then on they
// must be, always.
func (f *fleet) awaitPassing(client *api.Client, ids []string) {
	f.t.Helper()
	harness.Await(f.t, "new instances to pass", func() error {
		shown, err := f.read(f.c.Context(), client, 0)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if shown.status[id] != api.Passing {
				return fmt.Errorf("%s is %q", id, shown.status[id])
			}
		}
		return nil
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		f.steady[id] = true
	}
}

// awaitGone waits until the instances are in no answer any more.
func (f *fleet) awaitGone(client *api.Client, ids []string) {
	f.t.Helper()
	harness.Await(f.t, "dead instances to go", func() error {
		shown, err := f.read(f.c.Context(), client, 0)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if s, ok := shown.status[id]; ok {
				return fmt.Errorf("%s is still there, %s", id, s)
			}
		}
		return nil
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range ids {
		f.gone[id] = true
	}
}

// alive returns the instances that must be seen.
func (f *fleet) alive() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return ids(f.steady)
}

func ids(m map[string]bool) []string {
	var l []string
	for k := range m {
		l = append(l, k)
	}
	return l
}

// shown is one answer.
type shown struct {
	status map[string]string
	index  uint64
}

// read asks once, blocking if index is not 0, and fails the test if the answer
// shows an instance twice, one that has gone, or a living one not passing.
func (f *fleet) read(ctx context.Context, client *api.Client, index uint64) (shown, error) {
	f.mu.Lock()
	steady, gone := ids(f.steady), ids(f.gone)
	f.mu.Unlock()
	entries, meta, err := client.Health().Service(ctx, fleetName, &api.QueryOptions{Index: index, Wait: time.Minute})
	if err != nil {
		return shown{}, err
	}
	got := shown{status: map[string]string{}, index: meta.Index}
	for _, e := range entries {
		if _, twice := got.status[e.Service.ID]; twice {
			f.t.Errorf("%s is shown twice", e.Service.ID)
		}
		got.status[e.Service.ID] = api.WorstStatus(e.Checks)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range steady {
		if f.steady[id] && got.status[id] != api.Passing {
			f.t.Errorf("%s lives but is shown as %q", id, got.status[id])
		}
	}
	for _, id := range gone {
		if s, ok := got.status[id]; ok {
			f.t.Errorf("%s has gone but is shown as %s", id, s)
		}
	}
	return got, nil
}

// watch reads again at each change until ctx ends. Errors are no lie: a server
// that is down or cut off must say so.
func (f *fleet) watch(ctx context.Context, client *api.Client) (answers int) {
	var index uint64
	for ctx.Err() == nil {
		got, err := f.read(ctx, client, index)
		if err != nil {
			index = 0
			continue
		}
		answers, index = answers+1, got.index
	}
	return answers
}
