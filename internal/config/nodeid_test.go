package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNodeIDIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	first := &Config{DataDir: dir}
	require.NoError(t, first.EnsureNodeID())
	require.Len(t, first.NodeID, 36)
	again := &Config{DataDir: dir}
	require.NoError(t, again.EnsureNodeID())
	require.Equal(t, first.NodeID, again.NodeID)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left over")

	given := &Config{DataDir: dir, NodeID: "given"}
	require.NoError(t, given.EnsureNodeID())
	require.Equal(t, "given", given.NodeID)
}

func TestNodeIDInUpperCase(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "node-id", "0F3B1C3A-5D0B-4A1E-9C57-2F6B8D3E7A90\n")
	c := &Config{DataDir: dir}
	require.NoError(t, c.EnsureNodeID())
	require.Equal(t, "0f3b1c3a-5d0b-4a1e-9c57-2f6b8d3e7a90", c.NodeID)
}

func TestNodeIDErrors(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "node-id", "rubbish")
	require.ErrorContains(t, (&Config{DataDir: dir}).EnsureNodeID(), "holds no UUID")
	require.ErrorContains(t, (&Config{DataDir: filepath.Join(dir, "missing")}).EnsureNodeID(), "keep the node id")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d", "node-id"), 0o700))
	require.ErrorContains(t, (&Config{DataDir: filepath.Join(dir, "d")}).EnsureNodeID(), "read the node id")
}

func TestNodeIDWithoutDataDirectory(t *testing.T) {
	a, b := &Config{}, &Config{}
	require.NoError(t, a.EnsureNodeID())
	require.NoError(t, b.EnsureNodeID())
	require.NotEqual(t, a.NodeID, b.NodeID)
}
