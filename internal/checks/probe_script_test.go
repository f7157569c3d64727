//go:build unix

package checks

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/pkg/api"
)

func TestScriptProbe(t *testing.T) {
	for name, c := range map[string]struct {
		script         string
		max            int
		status, output string
	}{
		"passing":       {"echo fine; echo also >&2", 0, api.Passing, "fine\nalso\n"},
		"warning":       {"echo hm; exit 1", 0, api.Warning, "hm\n"},
		"critical":      {"exit 2", 0, api.Critical, ""},
		"by a signal":   {"kill -9 $$", 0, api.Critical, ""},
		"keeps the end": {"echo 0123456789", 5, api.Passing, "Captured 5 of 11 bytes\n...\n6789\n"},
	} {
		t.Run(name, func(t *testing.T) {
			status, output := try(t, api.CheckDefinition{Args: []string{"/bin/sh", "-c", c.script}, OutputMaxSize: c.max})
			require.Equal(t, c.status, status)
			require.Equal(t, c.output, output)
		})
	}
	status, output := try(t, api.CheckDefinition{Args: []string{filepath.Join(t.TempDir(), "missing")}})
	require.Equal(t, api.Critical, status)
	require.Contains(t, output, "no such file")
}

func TestScriptTimeoutKillsItsChildrenToo(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	p := newProber(Config{}.withDefaults())
	start := time.Now()
	status, output := tryFor(t, p, 300*time.Millisecond, api.CheckDefinition{
		Args:     []string{"/bin/sh", "-c", "sleep 100 & echo $! >" + pidFile + "; echo begun; wait"},
		Interval: 1, Timeout: api.Duration(300 * time.Millisecond),
	})
	require.Equal(t, api.Critical, status)
	require.Equal(t, "Timed out (300ms) running check\n\nbegun\n", output)
	require.Less(t, time.Since(start), 10*time.Second)

	requireGone(t, pidFile)
}

// What a script starts and leaves ends with it, whether or not it holds the
// script's output, and does not cost its status.
func TestScriptLeavesNoChildren(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("children are ended at the timeout only")
	}
	for name, c := range map[string]struct{ script, status, output string }{
		"with the output":    {"sleep 100 & echo $! >$0; echo fine", api.Passing, "fine\n"},
		"without the output": {"sleep 100 >/dev/null 2>&1 & echo $! >$0; echo hm; exit 1", api.Warning, "hm\n"},
		"of a child":         {"(sleep 100 & echo $! >$0) & wait; echo fine", api.Passing, "fine\n"},
		"deaf":               {"(trap '' TERM HUP INT; while :; do sleep 1; done) & echo $! >$0; echo fine", api.Passing, "fine\n"},
	} {
		t.Run(name, func(t *testing.T) {
			pidFile := filepath.Join(t.TempDir(), "pid")
			status, output := try(t, api.CheckDefinition{Args: []string{"/bin/sh", "-c", c.script, pidFile}})
			require.Equal(t, c.status, status)
			require.Equal(t, c.output, output)
			requireGone(t, pidFile)
		})
	}
}

// A child in a session of its own is left alone, and does not hold the check up
// although it has the script's output.
func TestScriptsDaemonIsNotWaitedFor(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("setsid is needed")
	}
	pidFile := filepath.Join(t.TempDir(), "pid")
	start := time.Now()
	status, output := try(t, api.CheckDefinition{Args: []string{"/bin/sh", "-c", "setsid sh -c 'echo $$ >$0.new; mv $0.new $0; exec sleep 100' $0 & while [ ! -e $0 ]; do sleep 0.01; done; echo fine", pidFile}})
	require.Equal(t, api.Passing, status)
	require.Equal(t, "fine\n", output)
	require.Less(t, time.Since(start), 10*time.Second)
	pid := readPid(t, pidFile)
	require.False(t, gone(pid))
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
}

func readPid(t *testing.T, file string) int {
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	require.NoError(t, err)
	return pid
}

func requireGone(t *testing.T, pidFile string) {
	pid := readPid(t, pidFile)
	require.Eventually(t, func() bool { return gone(pid) }, 10*time.Second, 5*time.Millisecond)
}

// gone reports whether the process has ended; one that nobody has reaped yet
// counts as ended.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestOSServiceProbe(t *testing.T) {
	dir := t.TempDir()
	fake := filepath.Join(dir, "systemctl")
	require.NoError(t, os.WriteFile(fake, []byte("#!/bin/sh\n[ \"$1 $2\" = 'is-active --' ] || exit 9\necho \"$3\"; [ \"$3\" = active ] || exit 3\n"), 0o700))
	p := newProber(Config{}.withDefaults())
	p.systemctl = fake
	for service, want := range map[string]string{
		"active":     `passing Service "active" is healthy`,
		"activating": `warning Service "activating" is activating`,
		"inactive":   `critical Service "inactive" is not active: inactive`,
	} {
		status, output := tryFor(t, p, 10*time.Second, api.CheckDefinition{OSService: service, Interval: 1})
		require.Equal(t, want, status+" "+output)
	}
	p.systemctl = filepath.Join(dir, "missing")
	status, output := tryFor(t, p, 10*time.Second, api.CheckDefinition{OSService: "x", Interval: 1})
	require.Equal(t, api.Critical, status)
	require.Contains(t, output, "no such file")
}
