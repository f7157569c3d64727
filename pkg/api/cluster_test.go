package api

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClusterCalls(t *testing.T) {
	runCalls(t, []call{
		{name: "checks", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.Cluster().Checks(ctx, CheckRuns{}, nil))
		},
			send: "GET /v1/internal/checks", reply: `[{"CheckID":"c","LastRun":"2026-01-02T03:04:05.5Z","Took":"1.5ms"}]`,
			want: []*CheckRun{{CheckID: "c", LastRun: time.Date(2026, 1, 2, 3, 4, 5, 5e8, time.UTC), Took: Duration(1500 * time.Microsecond)}}},
		{name: "some checks", do: func(ctx context.Context, c *Client) (any, error) {
			return reading(c.Cluster().Checks(ctx, CheckRuns{Node: "n", Service: "web", Local: true}, &QueryOptions{Filter: "x", Consistency: ReadStale}))
		}, send: "GET /v1/internal/checks?filter=x&node=n&scope=server&service=web&stale=", reply: `[]`, want: []*CheckRun{}},
		{name: "servers", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Cluster().Servers(ctx, false)) },
			send: "GET /v1/internal/servers", reply: `[{"Server":"a","Watchers":3},{"Server":"b","Silent":true}]`,
			want: []*ServerFigures{{Server: "a", Watchers: 3}, {Server: "b", Silent: true}}},
		{name: "one server", do: func(ctx context.Context, c *Client) (any, error) { return value(c.Cluster().Servers(ctx, true)) },
			send: "GET /v1/internal/servers?scope=server", reply: `[]`, want: []*ServerFigures{}},
	})
}

func TestSilentServersAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newMemNet()
		n.serve(t, "a:1", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("node") {
				w.Header().Set(SilentHeader, "s2,s3")
			}
			_, _ = w.Write([]byte("[]"))
		}))
		c := n.client(t, nil, "a:1")
		_, meta, err := c.Cluster().Checks(t.Context(), CheckRuns{Node: "x"}, nil)
		require.NoError(t, err)
		require.Equal(t, []string{"s2", "s3"}, meta.Silent)
		_, meta, err = c.Cluster().Checks(t.Context(), CheckRuns{}, nil)
		require.NoError(t, err)
		require.Nil(t, meta.Silent)
	})
}
