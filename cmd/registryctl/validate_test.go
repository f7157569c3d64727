package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.hcl")
	write := func(text string) { require.NoError(t, os.WriteFile(path, []byte(text), 0o600)) }

	write("server = true\nbind_addr = \"127.0.0.1\"\nencrypt = \"k\"\ndata_dir = \"/nonexistent/d\"\n")
	for _, p := range []string{path, dir} {
		o := call(t, "", "validate", p)
		require.Zero(t, o.code, o.stderr)
		require.Contains(t, o.stdout, "warning: "+path+":3: encrypt has no effect")
		require.Contains(t, o.stdout, "Configuration is valid!\n")
	}
	require.Empty(t, call(t, "", "validate", "-quiet", path).stdout)
	require.Contains(t, call(t, "", "validate", path, "-o", "json").stdout, `"Valid": true`)

	write("porst = 1\n")
	o := call(t, "", "validate", path)
	require.Equal(t, exitFailed, o.code)
	require.Equal(t, "registryctl: config validation failed: "+path+`:1: unknown key "porst" (did you mean "ports"?)`+"\n", o.stderr)

	path = filepath.Join(dir, "a.conf")
	write("data_dir = \"/d\"\nbind_addr = \"127.0.0.1\"\n")
	require.Zero(t, call(t, "", "validate", "-config-format=hcl", path).code)
}
