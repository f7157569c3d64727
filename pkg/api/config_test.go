package api

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// clearEnv hides the variables of whoever runs the tests.
func clearEnv(t *testing.T) {
	for _, name := range []string{
		"CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN", "CONSUL_HTTP_TOKEN_FILE", "CONSUL_HTTP_AUTH", "CONSUL_HTTP_SSL",
		"CONSUL_HTTP_SSL_VERIFY", "CONSUL_CACERT", "CONSUL_CAPATH", "CONSUL_CLIENT_CERT", "CONSUL_CLIENT_KEY", "CONSUL_TLS_SERVER_NAME",
	} {
		t.Setenv(name, "")
	}
}

func TestParseAddress(t *testing.T) {
	for _, tt := range []struct{ addr, scheme, want string }{
		{"127.0.0.1:8500", "http", "http://127.0.0.1:8500"},
		{"127.0.0.1:8501", "https", "https://127.0.0.1:8501"},
		{"reg", "http", "http://reg:8500"},
		{"::1", "http", "http://[::1]:8500"},
		{"[::1]:80", "http", "http://[::1]:80"},
		{"http://reg", "https", "http://reg"},
		{"https://reg:8501/", "http", "https://reg:8501"},
		{"https://reg/behind/proxy/", "http", "https://reg/behind/proxy"},
	} {
		got, err := parseAddress(tt.addr, tt.scheme)
		require.NoError(t, err, tt.addr)
		require.Equal(t, tt.want, got, tt.addr)
	}
	for _, addr := range []string{"", ":8500", "ftp://reg", "http://", "http://a?b", "http://u:p@a", "http://a b", "a:b:c"} {
		_, err := parseAddress(addr, "http")
		require.ErrorIs(t, err, Invalid, addr)
	}
}

func TestConfigFromEnvironment(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte(" from-file\n"), 0o600))
	for _, tt := range []struct {
		name string
		env  map[string]string
		in   Config
		want func(t *testing.T, c Config)
	}{
		{"nothing", nil, Config{}, func(t *testing.T, c Config) {
			require.Equal(t, []string{DefaultAddress}, c.Addresses)
			require.Equal(t, "http", c.Scheme)
			require.Equal(t, 10*time.Second, c.RequestTimeout)
		}},
		{"one address", map[string]string{"CONSUL_HTTP_ADDR": "a:1"}, Config{}, func(t *testing.T, c Config) {
			require.Equal(t, []string{"a:1"}, c.Addresses)
		}},
		{"several", map[string]string{"CONSUL_HTTP_ADDR": "a:1, https://b:2,,unix:///c"}, Config{}, func(t *testing.T, c Config) {
			require.Equal(t, []string{"a:1", "https://b:2", "unix:///c"}, c.Addresses)
		}},
		{"config wins", map[string]string{"CONSUL_HTTP_ADDR": "a:1", "CONSUL_HTTP_TOKEN": "env", "CONSUL_HTTP_SSL": "true"},
			Config{Addresses: []string{"b:2"}, Token: "own", Scheme: "http"}, func(t *testing.T, c Config) {
				require.Equal(t, []string{"b:2"}, c.Addresses)
				require.Equal(t, "own", c.Token)
				require.Equal(t, "http", c.Scheme)
			}},
		{"own token, not the environment's file", map[string]string{"CONSUL_HTTP_TOKEN_FILE": token}, Config{Token: "own"}, func(t *testing.T, c Config) {
			require.Equal(t, "own", c.Token)
		}},
		{"file wins", map[string]string{"CONSUL_HTTP_TOKEN": "env", "CONSUL_HTTP_TOKEN_FILE": token}, Config{}, func(t *testing.T, c Config) {
			require.Equal(t, "from-file", c.Token)
		}},
		{"basic auth", map[string]string{"CONSUL_HTTP_AUTH": "me:pass:word"}, Config{}, func(t *testing.T, c Config) {
			require.Equal(t, "me", c.Username)
			require.Equal(t, "pass:word", c.Password)
		}},
		{"tls", map[string]string{"CONSUL_HTTP_SSL": "1", "CONSUL_HTTP_SSL_VERIFY": "false", "CONSUL_CACERT": "ca", "CONSUL_CAPATH": "dir",
			"CONSUL_CLIENT_CERT": "cert", "CONSUL_CLIENT_KEY": "key", "CONSUL_TLS_SERVER_NAME": "name"}, Config{}, func(t *testing.T, c Config) {
			require.Equal(t, "https", c.Scheme)
			require.Equal(t, TLSConfig{CAFile: "ca", CAPath: "dir", CertFile: "cert", KeyFile: "key", ServerName: "name", InsecureSkipVerify: true}, c.TLS)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clearEnv(t)
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			c, err := tt.in.fromEnv()
			require.NoError(t, err)
			c, err = c.withDefaults()
			require.NoError(t, err)
			tt.want(t, c)
		})
	}
}

func TestNewRefuses(t *testing.T) {
	clearEnv(t)
	empty := t.TempDir()
	noCert := filepath.Join(empty, "sub", "ca.pem")
	require.NoError(t, os.Mkdir(filepath.Dir(noCert), 0o700))
	require.NoError(t, os.WriteFile(noCert, []byte("no certificate"), 0o600))
	for name, c := range map[string]Config{
		"address":     {Addresses: []string{"ftp://a"}},
		"socket":      {Addresses: []string{"unix://"}},
		"scheme":      {Scheme: "gopher"},
		"token file":  {TokenFile: filepath.Join(empty, "none")},
		"CA file":     {TLS: TLSConfig{CAFile: filepath.Join(empty, "none")}},
		"CA content":  {TLS: TLSConfig{CAFile: noCert}},
		"CA dir":      {TLS: TLSConfig{CAPath: filepath.Join(empty, "none")}},
		"CA empty":    {TLS: TLSConfig{CAPath: empty}},
		"cert alone":  {TLS: TLSConfig{CertFile: "x"}},
		"cert absent": {TLS: TLSConfig{CertFile: filepath.Join(empty, "x"), KeyFile: filepath.Join(empty, "y")}},
	} {
		_, err := New(c)
		require.ErrorIs(t, err, Invalid, name)
	}
	for _, name := range []string{"CONSUL_HTTP_SSL", "CONSUL_HTTP_SSL_VERIFY"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "perhaps")
			_, err := New(Config{})
			require.ErrorIs(t, err, Invalid)
			require.ErrorContains(t, err, name)
			_, err = New(Config{IgnoreEnv: true})
			require.NoError(t, err)
		})
	}
}
