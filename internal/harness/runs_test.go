package harness_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
	"github.com/registryd/registryd/pkg/api"
)

// Any server tells who runs which check and when it last ran; one that is cut
// off says which of the others it could not ask.
func TestWhoRunsWhat(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, time.Now()) }))
	t.Cleanup(web.Close)
	def := api.CheckDefinition{HTTP: web.URL, Interval: api.Duration(time.Second)}
	for i := range c.Len() {
		id := fmt.Sprintf("web-%d", i)
		require.NoError(t, c.Client(i).Agent().RegisterService(c.Context(), &api.ServiceRegistration{Name: "web", ID: id,
			Check: &api.CheckRegistration{CheckID: id, CheckDefinition: def}}))
		require.NoError(t, c.Client(i).Catalog().Register(c.Context(), &api.CatalogRegistration{Node: "ext-" + id, Address: "192.0.2.1",
			Check: &api.Check{CheckID: "up", Name: "up", Status: api.Critical, Definition: &def}}))
	}
	seen := def
	seen.Observers = c.Len()
	require.NoError(t, c.Client(0).Catalog().Register(c.Context(), &api.CatalogRegistration{Node: "far", Address: "192.0.2.2",
		Check: &api.Check{CheckID: "seen", Name: "seen by all", Status: api.Critical, Definition: &seen}}))
	witness := c.Client(c.Len() - 1)
	harness.Await(t, "all checks to have run", func() error {
		list, meta, err := witness.Cluster().Checks(c.Context(), api.CheckRuns{}, nil)
		if err != nil {
			return err
		}
		require.Len(t, list, 2*c.Len()+1)
		for _, r := range list {
			if meta.Silent != nil || r.LastRun.IsZero() || r.Status != api.Passing {
				return fmt.Errorf("%v, %+v", meta.Silent, r)
			}
			require.Equal(t, web.URL, r.Target)
			require.True(t, strings.HasPrefix(r.Owner, "server-"))
			require.Contains(t, r.Output, "200 OK")
			require.Positive(t, r.Took)
			require.True(t, r.NextRun.After(r.LastRun))
		}
		return nil
	})
	owned := 0
	for i := range c.Len() {
		list, _, err := c.Client(i).Cluster().Checks(c.Context(), api.CheckRuns{Local: true}, nil)
		require.NoError(t, err)
		owned += len(list)
		for _, r := range list {
			require.True(t, r.Answered)
			if r.CheckID == "seen" {
				require.Len(t, r.Observers, c.Len())
				require.Equal(t, r.Owner, r.Observers[0])
				continue
			}
			require.Equal(t, c.Name(i), r.Owner)
			require.Empty(t, r.Observers)
		}
		list, _, err = witness.Cluster().Checks(c.Context(), api.CheckRuns{Service: "web"}, &api.QueryOptions{Filter: fmt.Sprintf("Owner == %q", c.Name(i))})
		require.NoError(t, err)
		require.Len(t, list, 1)
		require.Equal(t, fmt.Sprintf("web-%d", i), list[0].CheckID, "a server runs the checks of its own node")
	}
	require.Equal(t, 3*c.Len(), owned, "each check is run once, and that with observers by all")

	c.Isolate(0)
	list, meta, err := c.Client(0).Cluster().Checks(c.Context(), api.CheckRuns{}, &api.QueryOptions{Consistency: api.ReadStale})
	require.NoError(t, err)
	require.Equal(t, []string{c.Name(1), c.Name(2)}, meta.Silent)
	for _, r := range list {
		require.Equal(t, r.Owner == c.Name(0), r.Answered, r.Owner)
		require.Equal(t, r.Answered, !r.LastRun.IsZero())
	}
	figures, err := c.Client(0).Cluster().Servers(c.Context(), false)
	require.NoError(t, err)
	for i, f := range figures {
		require.Equal(t, c.Name(i), f.Server)
		require.Equal(t, i != 0, f.Silent)
	}
	c.Heal()
	c.WaitHealthy()
	c.Verify()
}

// A server counts the blocking queries that wait there, and the others can ask.
func TestWatchersAreCounted(t *testing.T) {
	t.Parallel()
	c := harness.New(t, harness.Options{})
	watchers := func(want ...int) {
		t.Helper()
		harness.Await(t, "the watchers to be counted", func() error {
			list, err := c.Client(0).Cluster().Servers(c.Context(), false)
			if err != nil {
				return err
			}
			for i, f := range list {
				if f.Silent || f.Watchers != want[i] {
					return fmt.Errorf("%+v", f)
				}
			}
			return nil
		})
	}
	watchers(0, 0, 0)
	ctx, stop := context.WithCancel(c.Context())
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer stop()
	_, meta, err := c.Client(1).Health().Service(ctx, "web", nil)
	require.NoError(t, err)
	for range 2 {
		waiting.Go(func() {
			_, _, _ = c.Client(1).Health().Service(ctx, "web", &api.QueryOptions{Index: meta.Index, Wait: time.Minute})
		})
	}
	waiting.Go(func() {
		_, _, _ = c.Client(2).KV().Get(ctx, "k", &api.QueryOptions{Index: 1 << 40, Wait: time.Minute})
	})
	watchers(0, 2, 1)
	stop()
	watchers(0, 0, 0)
	c.Verify()
}
