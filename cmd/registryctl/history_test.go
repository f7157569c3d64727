package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

const history3 = `[
 {"Index":5,"Time":"2024-01-01T10:00:00.5Z","Kind":"registered","Node":"n1","ServiceID":"web-1","Service":"web","CheckID":"","From":"","To":"","Reason":"","Server":"s1","Client":"10.0.0.9"},
 {"Index":6,"Time":"2024-01-01T10:00:01Z","Kind":"check","Node":"n1","ServiceID":"web-1","Service":"web","CheckID":"service:web-1","From":"critical","To":"passing","Reason":"HTTP 200","Server":"s1","Client":""},
 {"Index":7,"Time":"2024-01-01T10:00:02Z","Kind":"removed","Node":"n1","ServiceID":"web-1","Service":"web","CheckID":"disk","From":"passing","To":"","Reason":"deregistered","Server":"s2","Client":"::1"},
 {"Index":8,"Time":"2024-01-01T10:00:03Z","Kind":"registered","Node":"n1","ServiceID":"","Service":"","CheckID":"disk","From":"","To":"passing","Reason":"","Server":"s2","Client":""}]`

func TestHistoryForPeople(t *testing.T) {
	f := serve(t, map[string]answer{"GET /v1/history/service/web": {body: history3}, "GET /v1/history/service/none": {body: `[]`}})
	at := func(second int) string {
		return time.Date(2024, 1, 1, 10, 0, second, 0, time.UTC).Local().Format(time.DateTime)
	}
	o := call(t, f.URL, "history", "web")
	require.Zero(t, o.code, o.stderr)
	require.Equal(t, `Time                 Node  Instance  What                   Change               By               Reason
`+at(0)+`  n1    web-1     registered             -                    s1 for 10.0.0.9  -
`+at(1)+`  n1    web-1     check service:web-1    critical -> passing  s1               HTTP 200
`+at(2)+`  n1    web-1     removed check disk     was passing          s2 for ::1       deregistered
`+at(3)+`  n1    -         registered check disk  passing              s2               -
`, o.stdout)

	o = call(t, f.URL, "history", "web", "-o", "json")
	require.Zero(t, o.code)
	var events []*api.HistoryEvent
	require.NoError(t, json.Unmarshal([]byte(o.stdout), &events))
	require.Len(t, events, 4)

	o = call(t, f.URL, "history", "none", "-since=1h")
	require.Equal(t, exitUsage, o.code)
	require.Equal(t, "registryctl: nothing is remembered of service \"none\" that was asked for\n", o.stderr)
	require.Equal(t, "[]\n", call(t, f.URL, "history", "none", "-o", "json").stdout)
}

func TestHistoryAsksForWhatItIsTold(t *testing.T) {
	for args, want := range map[string]string{
		"history":                                        "GET /v1/history?limit=100",
		"history -limit=0 -stale":                        "GET /v1/history?stale=",
		"history web -filter=X":                          "GET /v1/history/service/web?filter=X&limit=100",
		"history -node=n1 -limit=3":                      "GET /v1/history/node/n1?limit=3",
		"history -since=2024-01-01T10:00:00Z -limit=0":   "GET /v1/history?since=2024-01-01T10%3A00%3A00Z",
		"history web --follow -filter=X -limit=2 -stale": "GET /v1/history/service/web?filter=X&limit=2&stale=&wait=1m0s",
	} {
		f := serve(t, map[string]answer{})
		call(t, f.URL, strings.Fields(args)...)
		require.NotEmpty(t, f.requests(), args)
		require.Equal(t, want, f.requests()[0], args)
	}
}

// growing answers blocking queries for a history that a test adds to. The
// index of an event is its place.
type growing struct {
	*httptest.Server
	mu    sync.Mutex
	names []string
	woken chan struct{} // closed when there is one more
}

func newGrowing(t *testing.T, names ...string) *growing {
	g := &growing{names: names, woken: make(chan struct{})}
	g.Server = httptest.NewServer(g)
	t.Cleanup(g.Close)
	return g
}

func (g *growing) add(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names = append(g.names, name)
	close(g.woken)
	g.woken = make(chan struct{})
}

func (g *growing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	number := func(name string) int { n, _ := strconv.Atoi(r.URL.Query().Get(name)); return n }
	g.mu.Lock()
	for len(g.names) <= number("index") {
		woken := g.woken
		g.mu.Unlock()
		select {
		case <-woken:
		case <-r.Context().Done():
			return
		}
		g.mu.Lock()
	}
	defer g.mu.Unlock()
	list := []*api.HistoryEvent{}
	for i, name := range g.names {
		if i >= number("after") && (number("limit") == 0 || i >= len(g.names)-number("limit")) {
			list = append(list, &api.HistoryEvent{Index: uint64(i + 1), Kind: api.HistoryCheck, Node: "n1", ServiceID: "web-1", Service: "web", CheckID: name,
				From: api.Passing, To: api.Critical, Reason: "no answer", Server: "s1"})
		}
	}
	w.Header().Set("X-Consul-Index", fmt.Sprint(len(g.names)))
	json.NewEncoder(w).Encode(list)
}

func TestHistoryFollows(t *testing.T) {
	g := newGrowing(t, "a", "b", "c")
	s := start(t, g.URL, "history", "web", "-follow", "-limit=2")
	s.stdout.eventually(t, "check       c of web-1 on n1  passing -> critical  no answer  (s1)\n")
	g.add("d")
	g.add("e")
	s.stdout.eventually(t, "check       e of web-1 on n1")
	s.stop()
	require.Zero(t, s.end())
	var told []string
	for line := range strings.Lines(s.stdout.String()) {
		told = append(told, strings.Fields(line)[3])
	}
	require.Equal(t, []string{"b", "c", "d", "e"}, told, "each once, in order")

	s = start(t, g.URL, "history", "-node=n1", "-follow", "-o", "json")
	s.stdout.eventually(t, `"CheckID":"e"`)
	s.stop()
	require.Zero(t, s.end())
	require.Equal(t, exitFailed, call(t, "127.0.0.1:1", "history", "-follow").code)
}
