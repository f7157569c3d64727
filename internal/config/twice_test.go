package config

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What is defined twice counts once, and both places are named.
func TestTwoDefinitionsWithOneID(t *testing.T) {
	dir := t.TempDir()
	a := write(t, dir, "a.hcl", `
		service { id = "web-1", name = "web", port = 1 }
		service { name = "db", check { id = "health", ttl = "1s" } }
		check { name = "disk", ttl = "1s" }`)
	b := write(t, dir, "b.hcl", `
		service { name = "web-1", port = 2 }
		service { name = "cache", checks = [{ id = "health", ttl = "2s" }, { ttl = "1s" }, { ttl = "1s" }] }
		check { id = "disk", name = "Disk", ttl = "2s" }
		check { id = "mem", name = "Memory", ttl = "1s" }`)
	c, err := Load(Sources{Dev: true, Paths: []string{dir}, Host: host()})
	require.NoError(t, err)
	require.Equal(t, []string{
		`service "web-1" is defined at ` + a + `:2 and again at ` + b + `:2: the later one counts; give each an id of its own`,
		`check "disk" is defined at ` + a + `:4 and again at ` + b + `:4: the later one counts; give each an id of its own`,
		`check "health" is defined at ` + a + `:3 and again at ` + b + `:3: the later one counts; give each an id of its own`,
	}, c.Warnings)
	require.Len(t, c.Services, 3)
	require.Equal(t, 2, c.Services[1].Port)
	require.Len(t, c.Checks, 2)
	require.Equal(t, "Disk", c.Checks[0].Name)
	require.Equal(t, b+":5", c.DefinedAt[c.Checks[1]])
}
