package rig

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

// The front goes round the servers, and around one that is gone.
func TestFrontGoesAroundTheDead(t *testing.T) {
	c := &Cluster{}
	var stop []func()
	for _, name := range []string{"a", "b", "c"} {
		addr, end := echo(t, name)
		c.Servers = append(c.Servers, &Server{Name: name, HTTP: addr})
		stop = append(stop, end)
	}
	front := c.Front(t)
	ask := func() string {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Get("http://" + front)
		require.NoError(t, err)
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(raw)
	}
	require.Equal(t, "abcabc", ask()+ask()+ask()+ask()+ask()+ask())
	stop[1]()
	require.NotContains(t, ask()+ask()+ask()+ask(), "b")
}

// echo serves its name until it is stopped.
func echo(t *testing.T, name string) (addr string, stop func()) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String(), srv.Close
}
