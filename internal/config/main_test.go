package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a machine with one private address.
func host() *Host {
	return hostWith(Interface{Name: "eth0", Default: true, Addrs: cidrs("10.0.0.5/24", "fe80::1/64")})
}

func hostWith(up ...Interface) *Host {
	lo := Interface{Name: "lo", Loopback: true, Addrs: cidrs("127.0.0.1/8", "::1/128")}
	return &Host{
		Name:       func() (string, error) { return "box", nil },
		Interfaces: func() ([]Interface, error) { return append([]Interface{lo}, up...), nil },
	}
}

func cidrs(texts ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, s := range texts {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

// loadHCL loads a piece of HCL over what a production server needs at least.
func loadHCL(t *testing.T, text string) (*Config, error) {
	t.Helper()
	return Load(Sources{
		Settings:  []Setting{{"data_dir", filepath.Join(t.TempDir(), "data"), "-data-dir"}, {"server", "true", "-server"}},
		Fragments: []string{text},
		Host:      host(),
	})
}

func mustLoadHCL(t *testing.T, text string) *Config {
	t.Helper()
	c, err := loadHCL(t, text)
	require.NoError(t, err)
	return c
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}
