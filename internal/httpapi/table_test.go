package httpapi

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
)

// documented is one endpoint of the tables in docs/compatibility.md.
type documented struct {
	methods []string
	path    string // names in it begin with a colon
	state   string
}

// example is the path with names in the place of their placeholders.
func (d documented) example() string {
	return placeholder.ReplaceAllString(d.path, "/some-name")
}

var (
	placeholder  = regexp.MustCompile(`/:[a-z]+`)
	endpointSpan = regexp.MustCompile("`([A-Z, ]+) (/[^`]*)`")
)

// documentedEndpoints reads the tables of the page.
func documentedEndpoints(t *testing.T) (list []documented) {
	t.Helper()
	raw, err := os.ReadFile("../../docs/compatibility.md")
	require.NoError(t, err)
	_, page, _ := strings.Cut(string(raw), "## HTTP endpoints")
	page, _, _ = strings.Cut(page, "\n## ")
	for row := range strings.Lines(page) {
		cells := strings.Split(row, "|")
		if len(cells) < 4 || !strings.Contains(cells[1], "/") {
			continue
		}
		spans := endpointSpan.FindAllStringSubmatch(cells[1], -1)
		rest := strings.Trim(endpointSpan.ReplaceAllString(cells[1], ""), ", ")
		require.Empty(t, rest, "cells of endpoints have methods and paths in backquotes only: %s", row)
		for _, s := range spans {
			list = append(list, documented{strings.Split(s[1], ", "), s[2], strings.TrimSpace(cells[2])})
		}
	}
	require.NotEmpty(t, list)
	return list
}

// pattern returns the route that serves a path, empty if none does.
func (d *testDoor) pattern(path string) string {
	rctx := chi.NewRouteContext()
	d.mux.Match(rctx, "GET", path)
	return rctx.RoutePattern()
}

// allowed are the methods that a path takes besides OPTIONS.
func (d *testDoor) allowed(path string) []string {
	l := strings.Split(d.do("OPTIONS", path, "").Header().Get("Allow"), ",")
	return slices.DeleteFunc(l, func(m string) bool { return m == "OPTIONS" || m == "" })
}

// The page on compatibility says of each endpoint what the server does, and
// forgets none.
func TestEndpointsAreAsDocumented(t *testing.T) {
	d := open(t, Config{Debug: true})
	told := map[string][]string{} // methods by route
	for _, e := range documentedEndpoints(t) {
		path := e.example()
		allowed := d.allowed(path)
		route := d.pattern(path)
		told[route] = append(told[route], e.methods...)
		for _, m := range e.methods {
			switch {
			case e.state == "not served":
				require.Equal(t, 404, d.do(m, path, "").Code, "%s %s", m, e.path)
			case e.state != "served" && e.state != "as without":
				t.Errorf("%s %s: state %q is none of the page's", m, e.path, e.state)
			case !strings.HasPrefix(path, "/v1/"):
				require.Equal(t, 200, d.do(m, strings.Replace(path, "some-name", "cmdline", 1), "").Code, path)
			case !slices.Contains(allowed, m):
				t.Errorf("the page says that %s %s is served, which takes %v", m, e.path, allowed)
			}
		}
	}
	for _, r := range d.mux.Routes() {
		path := strings.Replace(r.Pattern, "*", "some-name", 1)
		if !strings.HasPrefix(path, "/v1/") || d.pattern(path+"/x") == path+"/*" {
			continue // a form without the slash leads to the one with it
		}
		for _, m := range d.allowed(path) {
			if !slices.Contains(told[r.Pattern], m) {
				t.Errorf("%s %s has a route, and is not on the page", m, r.Pattern)
			}
		}
	}
}

// Every endpoint of Consul is on the page.
func TestConsulsEndpointsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("testdata/consul_endpoints.txt")
	require.NoError(t, err)
	told := map[string][]string{}
	for _, e := range documentedEndpoints(t) {
		told[e.example()] = append(told[e.example()], e.methods...)
	}
	for line := range strings.Lines(string(raw)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		methods, path, ok := strings.Cut(strings.TrimSpace(line), " ")
		require.True(t, ok, line)
		for _, m := range strings.Split(methods, ",") {
			require.Contains(t, told[documented{path: path}.example()], m, "%s %s", m, path)
		}
	}
}

// Unknown paths answer as Consul's do, Enterprise's among them, without the
// headers of endpoints.
func TestUnknownPaths(t *testing.T) {
	d := open(t, Config{ResponseHeaders: map[string]string{"X-Site": "a"}})
	const unknown = "Invalid URL path: not a recognized HTTP API endpoint\n"
	for path, body := range map[string]string{
		"/v1/nonsense": unknown, "/v1/catalog/nonsense": unknown, "/v1/": unknown,
		"/v1/namespaces": unknown, "/v1/namespace/a": unknown, "/v1/partitions": unknown, "/v1/partition": unknown,
		"/v1/operator/license": unknown, "/v1/operator/area": unknown, "/v1/operator/area/x/members": unknown, "/v1/operator/segment": unknown,
		"/nonsense": "Invalid URL path: the HTTP API begins with /v1/\n", "/ui/": "Invalid URL path: the HTTP API begins with /v1/\n",
		"/debug/pprof/heap": "Invalid URL path: the HTTP API begins with /v1/\n", // without enable_debug
	} {
		for _, method := range []string{"GET", "PUT", "OPTIONS"} {
			w := d.do(method, path, "")
			require.Equal(t, 404, w.Code, path)
			require.Equal(t, body, w.Body.String(), path)
			require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"), path)
			require.Equal(t, "a", w.Header().Get("X-Site"), path)
			require.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"), path)
			require.NotContains(t, w.Header(), "X-Consul-Default-Acl-Policy", path)
		}
	}
}
