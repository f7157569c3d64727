package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// output is a buffer that may be read while it is written.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// devArgs starts a server on free ports.
func devArgs(more ...string) []string {
	return append([]string{"-dev", "-node=x", "-http-port=0", "-server-port=0", "-serf-lan-port=-1", "-dns-port=-1"}, more...)
}

var apiLine = regexp.MustCompile(`HTTP API: (http://\S+)`)

// TestServerRunsUntilItsContextEnds starts the program as main does, in this
// process.
func TestServerRunsUntilItsContextEnds(t *testing.T) {
	dir := t.TempDir()
	pid, log := filepath.Join(dir, "r.pid"), filepath.Join(dir, "log")+"/"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr output
	code := make(chan int, 1)
	go func() { code <- run(ctx, devArgs("-pid-file="+pid, "-log-file="+log, "-log-json"), &stdout, &stderr) }()
	var url string
	require.Eventually(t, func() bool {
		if m := apiLine.FindStringSubmatch(stdout.String()); m != nil {
			url = m[1]
		}
		return url != ""
	}, 10*time.Second, 5*time.Millisecond, "stdout %s, stderr %s", &stdout, &stderr)
	res, err := http.Get(url + "/v1/agent/self")
	require.NoError(t, err)
	res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	http.DefaultClient.CloseIdleConnections()
	text, err := os.ReadFile(pid)
	require.NoError(t, err)
	require.Equal(t, strconv.Itoa(os.Getpid()), string(text))
	require.Contains(t, stdout.String(), "Node: x (")

	cancel()
	require.Zero(t, <-code)
	require.Empty(t, stderr.String())
	require.NoFileExists(t, pid)
	lines, err := os.ReadFile(filepath.Join(dir, "log", "registryd.log"))
	require.NoError(t, err)
	require.NotEmpty(t, lines)
	for _, line := range strings.Split(strings.TrimSpace(string(lines)), "\n") {
		require.True(t, strings.HasPrefix(line, "{"), line)
		require.Contains(t, stdout.String(), line, "the file is in addition")
	}
}

func TestStartsThatCannotBe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		arg  string
		want []string
	}{
		{fmt.Sprintf("-http-port=%d", port), []string{strconv.Itoa(port)}},
		{fmt.Sprintf("-server-port=%d", port), []string{strconv.Itoa(port)}},
		{"-data-dir=" + filepath.Join(file, "data"), []string{file, "-data-dir"}},
		{"-pid-file=" + filepath.Join(file, "pid"), []string{file, "choose another -pid-file"}},
		{"-log-file=" + filepath.Join(file, "log"), []string{file, "choose another -log-file"}},
		{"-log-level=loud", []string{"log_level", "DEBUG"}},
		{"-bind=nowhere.invalid", []string{"nowhere.invalid"}},
	} {
		var stdout, stderr output
		require.Equal(t, 1, run(t.Context(), devArgs(c.arg), &stdout, &stderr), c.arg)
		for _, w := range c.want {
			require.Contains(t, stderr.String(), w, c.arg)
		}
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), "one line: %s", &stderr)
	}
}
