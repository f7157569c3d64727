package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

func TestWhatKeepsItFromStarting(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{fmt.Sprintf("-offset=%d", port-8500)}, 1, fmt.Sprintf("port %d (HTTP of server 1) is taken: stop what uses it, or add a number to all ports with -offset", port)},
		{[]string{"-nonsense"}, 2, "not defined"},
		{[]string{"x"}, 2, `unexpected argument "x"`},
		{[]string{"-help"}, 0, "-chaos"},
	} {
		var out strings.Builder
		require.Equal(t, c.code, run(t.Context(), c.args, io.Discard, &out), c.args)
		require.Contains(t, out.String(), c.want)
	}
}

func TestProcess(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "program")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho started\n[ \"$1\" = die ] && { echo last words; exit 3; }\nexec sleep 60\n"), 0o755))
	l := &lab{s: settings{bin: dir, dir: dir}}

	p := l.process("one", "program")
	require.NoError(t, p.died(), "it was never started")
	require.NoError(t, p.start())
	require.NoError(t, p.died())
	p.kill()
	require.NoError(t, p.died(), "it was killed on purpose")
	require.NoError(t, p.start())
	p.stop()
	p.stop()

	p = l.process("two", "program", "die")
	require.NoError(t, p.start())
	<-p.gone()
	require.ErrorContains(t, p.died(), "two ended: exit status 3: last words")

	p = l.process("three", "missing")
	require.ErrorContains(t, p.start(), "make build")
}

func TestLoadCountsFailures(t *testing.T) {
	var n atomic.Int64
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%10 == 0 {
			http.Error(w, "broken", http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, "Hello, %s!", r.URL.Query().Get("name"))
	}))
	defer srv.Close()
	l := startLoad(srv.URL, 3)
	require.Eventually(t, func() bool { sent, _ := l.counts(); return sent >= 50 }, 20*time.Second, time.Millisecond)
	l.stop()
	sent, failed := l.counts()
	require.EqualValues(t, n.Load(), sent)
	require.Equal(t, sent/10, failed)
	require.ErrorContains(t, l.first, "answer 502: broken")
	require.Positive(t, l.longest)
}
