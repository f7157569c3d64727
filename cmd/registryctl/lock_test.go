//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLockRunsTheCommand(t *testing.T) {
	s := newLockServer(t)
	o := call(t, s.URL, "lock", "jobs/a", "--", "sh", "-c",
		`echo held=$CONSUL_LOCK_HELD key=$REGISTRYD_LOCK_KEY count=$REGISTRYD_LOCK_COUNT; echo $REGISTRYD_LOCK_INDEX $REGISTRYD_LOCK_SESSION; printf '%s|' "$@"`, "sh", "-n", "--", "x y")
	require.Zero(t, o.code, o.stderr)
	lines := strings.Split(strings.TrimSpace(o.stdout), "\n")
	require.Equal(t, "held=true key=jobs/a count=1", lines[0])
	require.Regexp(t, `^\d+ session-11$`, lines[1])
	require.Equal(t, "-n|--|x y|", lines[2])
	require.Empty(t, s.holder("jobs/a/.lock"))
	require.False(t, s.exists("jobs/a/.lock"), "the key goes with its last holder")
	require.False(t, s.alive("session-11"))
}

// The token must grow from holder to holder, also when the key went meanwhile.
func TestFencingTokensGrow(t *testing.T) {
	s := newLockServer(t)
	last := 0
	for range 3 {
		o := call(t, s.URL, "lock", "a", "echo $REGISTRYD_LOCK_INDEX")
		token, err := strconv.Atoi(strings.TrimSpace(o.stdout))
		require.NoError(t, err, o.stderr)
		require.Greater(t, token, last)
		last = token
	}
}

func TestLockExitCodes(t *testing.T) {
	s := newLockServer(t)
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"a", "true"}, 0},
		{[]string{"a", "exit 7"}, 7},
		{[]string{"a", "--", "sh", "-c", "exit 9"}, 9},
		{[]string{"a", "kill -KILL $$"}, 128 + 9},
		{[]string{"-child-exit-code", "a", "exit 7"}, 2},
		{[]string{"-child-exit-code", "a", "exit 0"}, 0},
		{[]string{"-child-exit-code=false", "a", "exit 7"}, 0},
		{[]string{"-shell=false", "a", "true"}, 0},
		{[]string{"-shell=false", "a", "exit 7"}, 1}, // no such program
		{[]string{"a", "--", "/nonexistent", "x"}, 1},
	} {
		o := call(t, s.URL, append([]string{"lock"}, c.args...)...)
		require.Equal(t, c.code, o.code, "%v: %s", c.args, o.stderr)
		require.Empty(t, s.holder("a/.lock"), c.args)
	}
}

func TestLockPassesStdin(t *testing.T) {
	s := newLockServer(t)
	require.Equal(t, "hello", callWith(t, "hello", s.URL, "lock", "-pass-stdin", "a", "cat").stdout)
	require.Empty(t, callWith(t, "hello", s.URL, "lock", "a", "cat").stdout)
}

func TestLockWaitsItsTurn(t *testing.T) {
	s := newLockServer(t)
	require.True(t, s.put(nil, "a/.lock", "other", "", "3304740253564472344", nil))
	o := call(t, s.URL, "lock", "-try=50ms", "a", "true")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stderr, "lock a was not free within 50ms")
	o = call(t, s.URL, "lock", "-try=0s", "a", "true")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stderr, "held by session other")

	next := start(t, s.URL, "lock", "-verbose", "a", "echo mine")
	next.stderr.eventually(t, "waiting for lock a")
	require.Empty(t, next.stdout.String())
	s.destroy("other")
	require.Zero(t, next.end())
	require.Equal(t, "mine\n", next.stdout.String())
}

func TestLockOnAKeyOfAnotherUse(t *testing.T) {
	s := newLockServer(t)
	require.True(t, s.put(nil, "a/.lock", "other", "", "5", nil))
	o := call(t, s.URL, "lock", "a", "true")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stderr, "is not used as a lock")
}

// runs reports whether a process is there. One that ended and was not waited
// for, because its parent went first, is not.
func runs(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return syscall.Kill(pid, 0) == nil && !os.IsNotExist(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// A command that loses its lock must be gone, with its children, even if it
// does not heed SIGTERM.
func TestLostLockStopsTheCommand(t *testing.T) {
	for name, script := range map[string]string{
		"heeds":   `echo $$ > "$DIR/pids"; sleep 60 & echo $! >> "$DIR/pids"; echo ready; wait`,
		"ignores": `trap "" TERM; echo $$ > "$DIR/pids"; sleep 60 & echo $! >> "$DIR/pids"; echo ready; while :; do wait; done`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newLockServer(t)
			dir := t.TempDir()
			t.Setenv("DIR", dir)
			r := start(t, s.URL, "lock", "-ttl=1s", "a", script)
			r.stdout.eventually(t, "ready")
			s.destroy(s.holder("a/.lock"))
			require.Equal(t, exitFailed, r.end())
			require.Contains(t, r.stderr.String(), "lock a is lost")
			pids, err := os.ReadFile(filepath.Join(dir, "pids"))
			require.NoError(t, err)
			require.Len(t, strings.Fields(string(pids)), 2)
			for _, text := range strings.Fields(string(pids)) {
				pid, err := strconv.Atoi(text)
				require.NoError(t, err)
				require.Eventually(t, func() bool { return !runs(pid) }, 5*time.Second, 5*time.Millisecond, "process %d", pid)
			}
		})
	}
}

// When no server answers the command must be gone before the lease can end,
// which is one TTL after the last renewal, also if it does not heed SIGTERM.
func TestCommandEndsBeforeTheLease(t *testing.T) {
	const ttl = 3 * time.Second
	s := newLockServer(t)
	r := start(t, s.URL, "lock", "-ttl="+ttl.String(), "a", `trap "" TERM; echo $$ ready; while :; do sleep 0.05; done`)
	r.stdout.eventually(t, " ready")
	pid, err := strconv.Atoi(strings.Fields(r.stdout.String())[0])
	require.NoError(t, err)
	s.Close()
	cut := time.Now() // the last renewal was earlier
	require.Eventually(t, func() bool { return !runs(pid) }, 10*time.Second, 5*time.Millisecond)
	require.Less(t, time.Since(cut), ttl)
	require.Equal(t, exitFailed, r.end())
	require.Contains(t, r.stderr.String(), "is lost")
}

// Who stops registryctl stops the command, and the lock is free at once.
func TestInterruptedLockIsReleased(t *testing.T) {
	s := newLockServer(t)
	r := start(t, s.URL, "lock", "a", `trap "echo bye; exit 3" TERM; echo ready; while :; do sleep 0.01; done`)
	r.stdout.eventually(t, "ready")
	r.stop()
	require.Equal(t, 3, r.end())
	require.Contains(t, r.stdout.String(), "bye")
	require.Empty(t, s.holder("a/.lock"))
}
