//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWatchRunsItsHandler(t *testing.T) {
	c := newChanging(t, "["+entry("a", "passing")+"]")
	s := start(t, c.URL, "watch", "-type=service", "-service=web", `echo "index $CONSUL_INDEX: $(cat)"`)
	s.stdout.eventually(t, `index 1: [{"Node"`)
	c.set("["+entry("a", "critical")+"]", false)
	s.stdout.eventually(t, `index 2: [{"Node"`)
	c.set("", true)
	s.stderr.eventually(t, "No cluster leader")
	c.set("[]", false)
	s.stdout.eventually(t, "index 4: []\n")
	s.stderr.eventually(t, "servers answer again")
	s.stop()
	require.Zero(t, s.end())
	require.Equal(t, 3, strings.Count(s.stdout.String(), "index "))
}

// The words behind the command are its own, whatever they look like.
func TestWatchHandlerKeepsItsWords(t *testing.T) {
	c := newChanging(t, "[]")
	for _, args := range [][]string{
		{"watch", "-type", "nodes", "echo", "-type=x", "--format=json", "two words"},
		{"watch", "-type=nodes", "--", "echo", "-type=x", "--format=json", "two words"},
	} {
		s := start(t, c.URL, args...)
		s.stdout.eventually(t, "-type=x --format=json two words\n")
		s.stop()
		require.Zero(t, s.end())
	}
}

func TestWatchEndsWithItsHandler(t *testing.T) {
	c := newChanging(t, "[]")
	o := call(t, c.URL, "watch", "-type=nodes", "exit 3")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stderr, "the handler failed with exit code 3")
	o = call(t, c.URL, "watch", "-type=nodes", "-shell=false", "no such program")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stderr, "start the handler: ")

	// Told to stop, it ends the handler and what that started.
	file := filepath.Join(t.TempDir(), "ended")
	s := start(t, c.URL, "watch", "-type=nodes", `trap "echo yes > `+file+`; exit 0" TERM; echo ready; while :; do sleep 0.01; done`)
	s.stdout.eventually(t, "ready")
	s.stop()
	require.Zero(t, s.end())
	require.FileExists(t, file)
}

func TestWatchOnceWithoutServers(t *testing.T) {
	o := call(t, "127.0.0.1:1", "watch", "-type=nodes")
	require.Equal(t, exitFailed, o.code)
	require.Contains(t, o.stderr, "is it running?")
}
