package process_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/harness"
)

// startLimit is within what a server that cannot start must have said so.
const startLimit = 2 * time.Second

// run runs the binary to its end and returns what it printed.
func run(t *testing.T, args ...string) (code int, stdout, stderr string, took time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, binary(), args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	begun := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	require.NoError(t, ctx.Err(), "it started:\n%s", out.String())
	return cmd.ProcessState.ExitCode(), out.String(), errs.String(), time.Since(begun)
}

// instances is how many instances used registers.
const instances = 100

// used is a data directory of a server that has stopped, with some data in it
// and a log that begins behind a checkpoint.
func used(t *testing.T) (dir string, args []string) {
	t.Helper()
	p := harness.NewProcesses(t, binary(), 1, "-hcl=raft_snapshot_threshold = 20 raft_trailing_logs = 5 raft_snapshot_interval = \"50ms\"")
	l := harness.NewLedger("web")
	for i := range instances {
		require.NoError(t, l.Write(p.Context(), p.Client(0), fmt.Sprint(i), i+1))
	}
	harness.Await(t, "the log to be cut", func() error {
		self, err := p.Client(0).Agent().Self(p.Context())
		if err != nil || self.Stats["raft"]["last_snapshot_index"] == "0" {
			return fmt.Errorf("no snapshot: %w", err)
		}
		return nil
	})
	p.Server(0).Signal(syscall.SIGTERM)
	require.Zero(t, p.Server(0).Wait(10*time.Second))
	dir = p.Server(0).Dir
	return dir, arguments(dir, "server-0")
}

// arguments starts one server on free ports.
func arguments(dir, node string) []string {
	return []string{
		"-server", "-bootstrap", "-bind=127.0.0.1", "-node=" + node, "-data-dir=" + dir,
		"-server-port=0", "-http-port=0", "-serf-lan-port=-1", "-dns-port=-1",
	}
}

func TestBadStartIsOneLine(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("x"), 0o600))

	for _, s := range []struct {
		name string
		args []string
		want []string // in the line
	}{
		{"wrong flag", []string{"-htp-port=1"}, []string{"-htp-port", "-help"}},
		{"wrong value", []string{"-dev", "-http-port=many"}, []string{"-http-port", "many"}},
		{"taken HTTP port", append(arguments(t.TempDir(), "a"), "-http-port="+port), []string{port, "in use", "ports.http"}},
		{"taken server port", append(arguments(t.TempDir(), "a"), "-server-port="+port), []string{port, "in use", "ports.server"}},
		{"taken DNS port", append(arguments(t.TempDir(), "a"), "-dns-port="+port), []string{port, "in use", "ports.dns"}},
		{"data directory is a file", arguments(file, "a"), []string{file}},
		{"unwritable data directory", arguments("/proc/registryd", "a"), []string{"/proc/registryd", "-data-dir"}},
		{"read-only data directory", arguments("/sys/kernel", "a"), []string{"/sys/kernel", "-data-dir"}},
		{"no such configuration", []string{"-config-file=" + file + ".hcl"}, []string{file + ".hcl"}},
		{"address of nobody", append(arguments(t.TempDir(), "a"), "-bind=192.0.2.1"), []string{"192.0.2.1"}},
	} {
		t.Run(s.name, func(t *testing.T) { refuses(t, s.args, s.want...) })
	}
}

// refuses runs the binary and expects one line that contains all of want.
func refuses(t *testing.T, args []string, want ...string) {
	t.Helper()
	code, _, stderr, took := run(t, args...)
	require.Equal(t, 1, code, firstLine(stderr))
	require.Less(t, took, startLimit)
	require.Equal(t, 1, strings.Count(stderr, "\n"), "more than one line: %s", stderr)
	for _, w := range want {
		require.Contains(t, stderr, w)
	}
	t.Log(strings.TrimSpace(stderr))
}

func TestDataOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	dir, args := used(t)
	t.Run("other datacenter", func(t *testing.T) {
		refuses(t, append(args, "-datacenter=elsewhere"), dir, `"dc1"`, `"elsewhere"`)
	})
	t.Run("other node ID", func(t *testing.T) {
		refuses(t, append(args, "-node-id=11111111-2222-3333-4444-555555555555"), dir, "11111111-2222-3333-4444-555555555555")
	})
	t.Run("in use", func(t *testing.T) {
		p := harness.NewProcesses(t, binary(), 1)
		refuses(t, arguments(p.Server(0).Dir, "server-0"), p.Server(0).Dir, "in use")
	})
}

func TestDamageIsNamedNeverServed(t *testing.T) {
	t.Parallel()
	dir, args := used(t)
	whole := t.TempDir()
	require.NoError(t, os.CopyFS(whole, os.DirFS(dir)))
	for _, s := range []struct {
		name, file string
		damage     func([]byte) []byte
	}{
		{"registry.db is noise", "registry.db", noise},
		{"registry.db has no beginning", "registry.db", zeroHead},
		{"registry.db is cut", "registry.db", cut},
		{"registry.db is empty", "registry.db", none},
		{"raft.db is noise", "raft/raft.db", noise},
		{"raft.db has no beginning", "raft/raft.db", zeroHead},
		{"raft.db is cut", "raft/raft.db", cut},
		{"raft.db is empty", "raft/raft.db", none},
		{"node-id is noise", "node-id", noise},
	} {
		t.Run(s.name, func(t *testing.T) {
			require.NoError(t, os.RemoveAll(dir))
			require.NoError(t, os.CopyFS(dir, os.DirFS(whole)))
			path := filepath.Join(dir, s.file)
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, s.damage(b), 0o600))
			refuses(t, args, dir)
		})
	}
	t.Run("restored, it starts", func(t *testing.T) {
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.CopyFS(dir, os.DirFS(whole)))
		p := harness.PrepareProcesses(t, binary(), 1)
		p.Server(0).Dir = dir
		p.Start(0)
		p.WaitHealthy()
		list, _, err := p.Client(0).Catalog().Service(p.Context(), "web", nil)
		require.NoError(t, err)
		require.Len(t, list, instances)
	})
}

func firstLine(s string) string { line, _, _ := strings.Cut(s, "\n"); return line }

func noise(b []byte) []byte {
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func zeroHead(b []byte) []byte { clear(b[:min(len(b), 8192)]); return b }

// cut leaves bbolt's meta pages and one more: its files may end in pages that
// were never used, which nobody would miss.
func cut(b []byte) []byte { return b[:3*4096] }

func none([]byte) []byte { return nil }
