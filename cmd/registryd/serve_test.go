package main

import (
	"bytes"
	"context"
	"encoding/json"
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

// apiLine is where the HTTP API answers, in the lines and in the JSON log.
var apiLine = regexp.MustCompile(`(?:HTTP API: |"http":")(http://[^\s"]+)`)

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
	for _, line := range strings.Split(strings.TrimSpace(stdout.String()), "\n") {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields), line)
		for key, value := range fields {
			require.NotEqual(t, map[string]any{}, value, "%s in %s", key, line)
		}
	}
	require.Contains(t, stdout.String(), `"node":"x (`)
}

// In text the server says who it is in a few lines before the log.
func TestBanner(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var stdout, stderr output
	code := make(chan int, 1)
	go func() { code <- run(ctx, devArgs(), &stdout, &stderr) }()
	require.Eventually(t, func() bool { return apiLine.MatchString(stdout.String()) }, 10*time.Second, 5*time.Millisecond)
	cancel()
	require.Zero(t, <-code)
	require.Contains(t, stdout.String(), "Node: x (")
	require.Contains(t, stdout.String(), "==> registryd ")
}

// TestRetryMaxEndsTheProgram: -join is the same as -retry-join.
func TestRetryMaxEndsTheProgram(t *testing.T) {
	for _, flag := range []string{"-retry-join", "-join"} {
		var stdout, stderr output
		args := []string{"-server", "-node=x", "-bind=127.0.0.1", "-http-port=0", "-server-port=0", "-serf-lan-port=-1", "-dns-port=-1",
			"-data-dir=" + t.TempDir(), flag + "=127.0.0.1:1", "-retry-max=2", "-retry-interval=50ms"}
		require.Equal(t, 1, run(t.Context(), args, &stdout, &stderr), flag)
		require.Contains(t, stderr.String(), "no server could be joined in 2 attempts: ")
		require.Contains(t, stderr.String(), "-retry-join")
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), "one line: %s", &stderr)
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
		{fmt.Sprintf("-http-port=%d", port), []string{strconv.Itoa(port), "stop what uses the port"}},
		{fmt.Sprintf("-server-port=%d", port), []string{strconv.Itoa(port)}},
		{"-data-dir=" + filepath.Join(file, "data"), []string{file, "-data-dir"}},
		{"-pid-file=" + filepath.Join(file, "pid"), []string{file, "choose another -pid-file"}},
		{"-log-file=" + filepath.Join(file, "log"), []string{file, "choose another -log-file"}},
		{"-log-level=loud", []string{"log_level", "DEBUG"}},
		{"-bind=192.0.2.1", []string{"192.0.2.1", "assign requested address", "choose one of its own with bind_addr (-bind)"}},
		{"-client=192.0.2.1", []string{"192.0.2.1", "assign requested address", "choose one of its own with client_addr (-client) or addresses.http"}},
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

// A pid file that cannot be written stops the start before anything is founded,
// and a start that fails leaves that of the running server alone.
func TestPidFileIsTriedFirst(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	var stdout, stderr output
	require.Equal(t, 1, run(t.Context(), devArgs("-pid-file="+filepath.Join(dir, "missing", "pid"), "-data-dir="+data), &stdout, &stderr))
	require.Contains(t, stderr.String(), "choose another -pid-file")
	require.NoDirExists(t, data)

	file, old := filepath.Join(dir, "file"), filepath.Join(dir, "old.pid")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.WriteFile(old, []byte("17"), 0o600))
	for _, pid := range []string{old, filepath.Join(dir, "new.pid")} {
		require.Equal(t, 1, run(t.Context(), devArgs("-pid-file="+pid, "-data-dir="+filepath.Join(file, "data")), &stdout, &stderr))
	}
	text, err := os.ReadFile(old)
	require.NoError(t, err)
	require.Equal(t, "17", string(text))
	require.NoFileExists(t, filepath.Join(dir, "new.pid"))
}
