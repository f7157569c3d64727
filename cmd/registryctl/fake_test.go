package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// asProgram in the environment makes the test binary be the program itself.
const asProgram = "REGISTRYCTL_TEST_AS_PROGRAM"

// answer is what the fake server says to a request.
type answer struct {
	status int // 0 means 200
	body   string
	header map[string]string
}

// fake answers requests as they were recorded from a real server, by method
// and path, and remembers what it was asked.
type fake struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // METHOD path?query body
	shown string   // the token of the last request
}

// serve starts a fake with answers by "METHOD path"; anything else is 404.
func serve(t *testing.T, answers map[string]answer) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		line := r.Method + " " + r.URL.RequestURI()
		if len(body) > 0 {
			line += " " + string(body)
		}
		f.mu.Lock()
		f.asked = append(f.asked, line)
		f.shown = r.Header.Get("X-Consul-Token")
		f.mu.Unlock()
		a, ok := answers[r.Method+" "+r.URL.EscapedPath()]
		if !ok {
			http.Error(w, "Invalid URL path", http.StatusNotFound)
			return
		}
		w.Header().Set("X-Consul-Index", "7")
		w.Header().Set("X-Consul-KnownLeader", "true")
		for k, v := range a.header {
			w.Header().Set(k, v)
		}
		if a.status != 0 {
			w.WriteHeader(a.status)
		}
		_, _ = io.WriteString(w, a.body)
	}))
	t.Cleanup(f.Close)
	return f
}

// requests are those made so far.
func (f *fake) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.asked...)
}

// token is that of the last request.
func (f *fake) token() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shown
}

// outcome is what a run left.
type outcome struct {
	code           int
	stdout, stderr string
}

// call runs the command line args against the server at addr.
func call(t *testing.T, addr string, args ...string) outcome {
	t.Helper()
	return callWith(t, "", addr, args...)
}

// callWith is call with something on standard input.
func callWith(t *testing.T, stdin, addr string, args ...string) outcome {
	t.Helper()
	t.Setenv("CONSUL_HTTP_ADDR", addr)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var out, err buffer
	code := run(ctx, args, strings.NewReader(stdin), &out, &err)
	return outcome{code, out.String(), err.String()}
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// eventually waits until the buffer holds text.
func (b *buffer) eventually(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(b.String(), text) }, 10*time.Second, 5*time.Millisecond,
		"waiting for %q", text)
}

// unpad takes the indentation off that a raw string has in a test.
func unpad(s string) string {
	var lines []string
	for line := range strings.SplitSeq(strings.Trim(s, "\n\t"), "\n") {
		lines = append(lines, strings.TrimLeft(line, "\t"))
	}
	return strings.Join(lines, "\n") + "\n"
}
