package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "api") // t.TempDir is too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(readable))
	srv.Listener = l
	srv.Start()
	defer srv.Close()

	c, err := New(Config{Addresses: []string{"unix://" + filepath.Join(dir, "none"), "unix://" + path}, IgnoreEnv: true})
	require.NoError(t, err)
	defer c.Close()
	_, meta, err := c.KV().Get(t.Context(), "k", nil)
	require.NoError(t, err)
	require.Equal(t, "unix://"+path, meta.Address)
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := selfSigned(t, dir)
	pair, err := tls.LoadX509KeyPair(cert, key)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	b, err := os.ReadFile(cert)
	require.NoError(t, err)
	require.True(t, pool.AppendCertsFromPEM(b))

	srv := httptest.NewUnstartedServer(http.HandlerFunc(readable))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	srv.StartTLS()
	defer srv.Close()

	caDir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(caDir, "ca.pem"), b, 0o600))
	full := TLSConfig{CAFile: cert, CertFile: cert, KeyFile: key, ServerName: "registry.test"}
	for _, tt := range []struct {
		name   string
		change func(*TLSConfig)
		works  bool
	}{
		{"all given", func(*TLSConfig) {}, true},
		{"CA directory", func(c *TLSConfig) { c.CAFile, c.CAPath = "", caDir }, true},
		{"unknown CA", func(c *TLSConfig) { c.CAFile = "" }, false},
		{"unverified", func(c *TLSConfig) { c.CAFile, c.InsecureSkipVerify = "", true }, true},
		{"wrong name", func(c *TLSConfig) { c.ServerName = "other.test" }, false},
		{"no client certificate", func(c *TLSConfig) { c.CertFile, c.KeyFile = "", "" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conf := full
			tt.change(&conf)
			c, err := New(Config{Addresses: []string{srv.Listener.Addr().String()}, Scheme: "https", TLS: conf, IgnoreEnv: true})
			require.NoError(t, err)
			defer c.Close()
			err = read(t.Context(), c)
			if tt.works {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, Unavailable)
			}
		})
	}
}

// selfSigned writes a certificate that is its own CA, and its key.
func selfSigned(t *testing.T, dir string) (certFile, keyFile string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "registry.test"},
		DNSNames:              []string{"registry.test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), 0o600))
	return certFile, keyFile
}
