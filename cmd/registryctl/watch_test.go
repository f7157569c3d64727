package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompare(t *testing.T) {
	a := sighting{"n1", "a", "h:1", "passing", ""}
	sick, moved, both := a, a, a
	sick.status, sick.why = "critical", "c: no answer"
	moved.address = "h:2"
	both.status, both.address = "warning", "h:3"
	b := sighting{"n2", "b", "h:9", "passing", ""}
	of := func(list ...sighting) map[string]sighting {
		m := map[string]sighting{}
		for _, s := range list {
			m[s.node+s.id] = s
		}
		return m
	}
	for _, c := range []struct {
		name        string
		before, now map[string]sighting
		first       bool
		want        []string // change, ID, status, was
	}{
		{"nothing", of(), of(), true, nil},
		{"present at first", of(), of(b, a), true, []string{"present a passing ", "present b passing "}},
		{"came", of(a), of(a, b), false, []string{"came b passing "}},
		{"went", of(a, b), of(a), false, []string{"went b passing "}},
		{"state", of(a), of(sick), false, []string{"state a critical passing"}},
		{"moved", of(a), of(moved), false, []string{"moved a passing h:1"}},
		{"both", of(a), of(both), false, []string{"moved a warning h:1", "state a warning passing"}},
		{"same", of(a, b), of(b, a), false, nil},
		{"all at once", of(a), of(b), false, []string{"went a passing ", "came b passing "}},
	} {
		var got []string
		for _, ch := range compare(c.before, c.now, c.first) {
			got = append(got, fmt.Sprint(ch.Change, " ", ch.ID, " ", ch.Status, " ", ch.Was))
		}
		require.Equal(t, c.want, got, c.name)
	}
}

// changing answers blocking queries for a service whose state a test sets.
type changing struct {
	*httptest.Server
	mu    sync.Mutex
	body  string
	index int
	woken chan struct{} // closed when body changes
	down  bool
}

func newChanging(t *testing.T, body string) *changing {
	c := &changing{body: body, index: 1, woken: make(chan struct{})}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *changing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	index, body, woken, down := c.index, c.body, c.woken, c.down
	c.mu.Unlock()
	if r.URL.Query().Get("index") == fmt.Sprint(index) && !down {
		select {
		case <-woken:
		case <-r.Context().Done():
			return
		}
		c.mu.Lock()
		index, body, down = c.index, c.body, c.down
		c.mu.Unlock()
	}
	if down {
		http.Error(w, "No cluster leader", http.StatusInternalServerError)
		return
	}
	w.Header().Set("X-Consul-Index", fmt.Sprint(index))
	fmt.Fprint(w, body)
}

// set changes the state and wakes who waits.
func (c *changing) set(body string, down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.body, c.down = body, down
	c.index++
	close(c.woken)
	c.woken = make(chan struct{})
}

func entry(id, status string) string {
	return fmt.Sprintf(`{"Node":{"Node":"n1","Address":"10.0.0.1"},"Service":{"ID":%q,"Service":"web","Port":80},
		"Checks":[{"CheckID":"c","Name":"c","Status":%q,"Output":"said\nthis"}]}`, id, status)
}

// started is a run that goes on until it is stopped.
type started struct {
	stdout, stderr buffer
	stop           context.CancelFunc
	code           chan int
}

func start(t *testing.T, addr string, args ...string) *started {
	t.Setenv("CONSUL_HTTP_ADDR", addr)
	ctx, cancel := context.WithCancel(t.Context())
	s := &started{stop: cancel, code: make(chan int, 1)}
	go func() { s.code <- run(ctx, args, strings.NewReader(""), &s.stdout, &s.stderr) }()
	t.Cleanup(func() {
		cancel()
		s.code <- <-s.code // wait, and leave it for others
	})
	return s
}

// end waits for the run to end.
func (s *started) end() int {
	code := <-s.code
	s.code <- code
	return code
}

func TestWatchTellsWhoCameAndWent(t *testing.T) {
	c := newChanging(t, "["+entry("a", "passing")+"]")
	s := start(t, c.URL, "watch", "web")
	s.stdout.eventually(t, "present  a on n1 at 10.0.0.1:80  passing\n")
	c.set("["+entry("a", "passing")+","+entry("b", "passing")+"]", false)
	s.stdout.eventually(t, "came     b on n1 at 10.0.0.1:80  passing\n")
	c.set("["+entry("a", "critical")+","+entry("b", "passing")+"]", false)
	s.stdout.eventually(t, "state    a on n1 at 10.0.0.1:80  passing -> critical  (c: said this)\n")
	c.set("["+entry("a", "critical")+"]", false)
	s.stdout.eventually(t, "went     b on n1 at 10.0.0.1:80  passing\n")
	s.stop()
	require.Zero(t, s.end())
	require.Equal(t, 4, strings.Count(s.stdout.String(), "\n"))
	require.Empty(t, s.stderr.String())
}

func TestWatchOutlastsServers(t *testing.T) {
	c := newChanging(t, "["+entry("a", "passing")+"]")
	s := start(t, c.URL, "watch", "web", "-o", "json")
	s.stdout.eventually(t, `"Change":"present"`)
	c.set("", true)
	s.stderr.eventually(t, "No cluster leader")
	c.set("[]", false)
	s.stdout.eventually(t, `"Change":"went"`)
	s.stderr.eventually(t, "servers answer again")
	s.stop()
	require.Zero(t, s.end())
	for line := range strings.Lines(s.stdout.String()) {
		var ch change
		require.NoError(t, json.Unmarshal([]byte(line), &ch))
		require.Equal(t, "a", ch.ID)
		require.False(t, ch.Time.IsZero())
	}
}

func TestWatchOfNothing(t *testing.T) {
	s := start(t, newChanging(t, "[]").URL, "watch", "web")
	s.stderr.eventually(t, `no instance of "web" so far`)
	s.stop()
	require.Zero(t, s.end())
	o := call(t, "127.0.0.1:1", "watch", "web")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stderr, "is it running?")
}

func TestMonitor(t *testing.T) {
	f := serve(t, everything())
	o := call(t, f.URL, "monitor", "-log-level=debug", "-log-json")
	require.Equal(t, exitFailed, o.code)
	require.Equal(t, "line one\nline two\n", o.stdout)
	require.Contains(t, o.stderr, "the server ended the stream")
	require.Equal(t, []string{"GET /v1/agent/monitor?logjson=true&loglevel=debug"}, f.requests())

	gone := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "a line")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(gone)
	}))
	t.Cleanup(srv.Close)
	s := start(t, srv.URL, "monitor")
	s.stdout.eventually(t, "a line\n")
	s.stop()
	require.Zero(t, s.end())
	<-gone
}
