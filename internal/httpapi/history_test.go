package httpapi

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// remember switches the history on.
func (d *testDoor) remember() {
	d.t.Helper()
	_, _, err := d.cons.Apply(context.Background(), store.Encode(&store.SetHistory{Limits: store.HistoryLimits{Count: 100}}))
	require.NoError(d.t, err)
}

func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{})
		d.remember()
		began := time.Now()
		for i := range 3 {
			d.register("n1", nil, &api.Service{ID: fmt.Sprint("web-", i), Service: "Web"})
			time.Sleep(time.Minute)
		}
		d.register("n2", nil, &api.Service{Service: "db"}, &api.Check{CheckID: "c", ServiceID: "db", Status: api.Passing})
		d.register("n2", nil, &api.Service{Service: "db"}, &api.Check{CheckID: "c", ServiceID: "db", Status: api.Critical, Output: "no\nroute"})
		for _, c := range []struct {
			path  string
			index int
			want  []string // kind, ID or node
		}{
			{"/v1/history", 6, []string{"registered n1", "registered web-0", "registered web-1", "registered web-2", "registered n2", "registered db", "check db"}},
			{"/v1/history?stale", 6, []string{"registered n1", "registered web-0", "registered web-1", "registered web-2", "registered n2", "registered db", "check db"}},
			{"/v1/history?limit=2&consistent", 6, []string{"registered db", "check db"}},
			{"/v1/history?limit=0&after=4", 6, []string{"registered n2", "registered db", "check db"}},
			{"/v1/history?after=6", 6, nil},
			{"/v1/history/service/web", 4, []string{"registered web-0", "registered web-1", "registered web-2"}},
			{"/v1/history/service/WEB?since=2m30s", 4, []string{"registered web-1", "registered web-2"}},
			{"/v1/history/service/web?since=" + began.Add(90*time.Second).UTC().Format(time.RFC3339), 4, []string{"registered web-2"}},
			{"/v1/history/service/web?limit=1", 4, []string{"registered web-2"}},
			{`/v1/history/service/web?filter=ServiceID=="web-1"`, 4, []string{"registered web-1"}},
			{`/v1/history?filter=Kind==check+and+To==critical+and+Reason==no`, 6, []string{"check db"}},
			{`/v1/history?filter=Index==3`, 6, []string{"registered web-1"}},
			{"/v1/history/node/N2", 6, []string{"registered n2", "registered db", "check db"}},
			{"/v1/history/service/none", 1, nil},
			{"/v1/history/node/none", 1, nil},
		} {
			w := d.do("GET", c.path, "")
			require.Equal(t, strconv.Itoa(c.index), w.Header().Get("X-Consul-Index"), c.path)
			require.NotEmpty(t, w.Header().Get("X-Consul-Effective-Consistency"), c.path)
			var list []*api.HistoryEvent
			d.get(c.path, &list)
			require.NotNil(t, list, "%s: [] and not null", c.path)
			var have []string
			for _, e := range list {
				what := e.ServiceID
				if what == "" {
					what = e.Node
				}
				require.Equal(t, "s1", e.Server)
				have = append(have, e.Kind+" "+what)
			}
			require.Equal(t, c.want, have, c.path)
		}
		w := d.do("GET", "/v1/history/node/n2?pretty&limit=1", "")
		at := began.Add(3 * time.Minute).UTC().Format(time.RFC3339Nano)
		require.Equal(t, `[
    {
        "Index": 6,
        "Time": "`+at+`",
        "Kind": "check",
        "Node": "n2",
        "ServiceID": "db",
        "Service": "db",
        "CheckID": "c",
        "From": "passing",
        "To": "critical",
        "Reason": "no",
        "Server": "s1",
        "Client": ""
    }
]
`, w.Body.String())
		for path, status := range map[string]int{
			"/v1/history?limit=x": 400, "/v1/history?limit=-1": 400, "/v1/history?since=x": 400, "/v1/history?after=-1": 400,
			"/v1/history/service/": 400, "/v1/history/node/": 400, "/v1/history?filter=Nothing==x": 500, "/v1/history?index=x": 400, "/v1/history?dc=other": 500,
			"/v1/history/service": 307,
		} {
			require.Equal(t, status, d.do("GET", path, "").Code, path)
		}
	})
}

// TestHistoryWakesForItsNameOnly: neither other names nor what is dropped of
// the history ends a wait.
func TestHistoryWakesForItsNameOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, Config{})
		d.remember()
		ask := func(path string) <-chan string {
			done := make(chan string, 1)
			go func() {
				w := httptest.NewRecorder()
				d.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
				done <- w.Header().Get("X-Consul-Index") + " " + strconv.Itoa(w.Code)
			}()
			return done
		}
		quiet := func(done <-chan string) bool { synctest.Wait(); return len(done) == 0 }
		d.register("n1", nil, &api.Service{Service: "web"}) // 2
		web, node, absent := ask("/v1/history/service/web?index=2&wait=1h"), ask("/v1/history/node/n1?index=2&wait=1h"), ask("/v1/history/service/absent?index=1&wait=1h")
		for i := range 300 { // names of every watch there is, and beyond what is kept
			d.register("n2", nil, &api.Service{Service: fmt.Sprint("other", i)})
		}
		d.register("n1", nil, &api.Service{Service: "web"}) // changes nothing
		require.True(t, quiet(web))
		require.True(t, quiet(node))
		require.True(t, quiet(absent))
		d.register("n1", nil, &api.Service{Service: "web", Port: 1})
		require.Equal(t, "304 200", <-web)
		require.Equal(t, "304 200", <-node)
		require.True(t, quiet(absent))
		d.register("n3", nil, &api.Service{Service: "absent"})
		require.Equal(t, "305 200", <-absent)

		began := time.Now()
		require.Equal(t, "305 200", <-ask("/v1/history/service/absent?index=305&wait=16s"))
		require.GreaterOrEqual(t, time.Since(began), 16*time.Second)
		require.Equal(t, "305 200", <-ask("/v1/history?index=304&wait=16s"), "all of it")
	})
}

func TestClientAddress(t *testing.T) {
	for _, c := range []struct {
		addr net.Addr
		want string
	}{
		{&net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 7}, "10.0.0.1"},
		{&net.TCPAddr{IP: net.ParseIP("::ffff:10.0.0.1"), Port: 7}, "10.0.0.1"},
		{&net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 7}, "fe80::1"},
		{&net.UnixAddr{Net: "unix"}, "unix"},
		{nil, ""},
	} {
		require.Equal(t, c.want, clientAddress(c.addr))
	}
}
