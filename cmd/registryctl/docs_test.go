package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// The reference in the repository must be the one that the commands make.
func TestReferenceIsUpToDate(t *testing.T) {
	dir := t.TempDir()
	require.Zero(t, call(t, "127.0.0.1:1", "docs", dir).code)
	want, err := os.ReadFile(filepath.Join(dir, "registryctl.md"))
	require.NoError(t, err)
	have, err := os.ReadFile(filepath.Join("..", "..", "docs", "registryctl.md"))
	require.NoError(t, err)
	require.True(t, string(want) == string(have), "docs/registryctl.md is not what the commands say: run registryctl docs docs")
}

func TestReferenceIsWhole(t *testing.T) {
	page := markdown((&tool{}).root())
	pages := manPages((&tool{}).root())
	walk((&tool{}).root(), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		require.Contains(t, page, "## "+path+"\n")
		require.Contains(t, page, strings.Trim(cmd.Example, "\n"), path)
		man := pages[strings.ReplaceAll(path, " ", "-")+".1"]
		require.Contains(t, man, ".SH EXAMPLES\n", path)
		require.Contains(t, man, roff(cmd.Short), path)
	})
	require.Contains(t, pages["registryctl-kv-get.1"], `\-\-recurse`)
	require.NotContains(t, page, "without effect", "hidden flags are for old scripts")
}

func TestManPagesAreWellFormed(t *testing.T) {
	man, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("needs mandoc")
	}
	dir := t.TempDir()
	require.Zero(t, call(t, "127.0.0.1:1", "docs", "-format", "man", dir).code)
	files, err := filepath.Glob(filepath.Join(dir, "*.1"))
	require.NoError(t, err)
	out, err := exec.Command(man, append([]string{"-T", "lint", "-W", "error"}, files...)...).CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestRoff(t *testing.T) {
	for in, want := range map[string]string{".x": `\&.x`, "'x": `\&'x`, `a\b`: `a\eb`, "--x": `\-\-x`, "x": "x"} {
		require.Equal(t, want, roff(in))
	}
}

func TestDocsMistakes(t *testing.T) {
	o := call(t, "127.0.0.1:1", "docs", "-format=html", t.TempDir())
	require.Equal(t, exitUsage, o.code)
	require.Contains(t, o.stderr, "-format=html is unknown")
	require.Equal(t, exitFailed, call(t, "127.0.0.1:1", "docs", filepath.Join(t.TempDir(), "nowhere")).code)
}
