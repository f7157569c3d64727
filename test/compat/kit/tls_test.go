package kit

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/sdk/testutil"
	"github.com/stretchr/testify/require"
)

// authority makes certificates.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.issue(t, "ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign})
	return a
}

// issue writes NAME.crt and NAME.key; the first one signs itself.
func (a *authority) issue(t *testing.T, name string, c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	c.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	c.Subject = pkix.Name{CommonName: name}
	c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	raw, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	for ext, block := range map[string]*pem.Block{"crt": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "EC PRIVATE KEY", Bytes: raw}} {
		require.NoError(t, os.WriteFile(filepath.Join(a.dir, name+"."+ext), pem.EncodeToMemory(block), 0o600))
	}
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert, key
}

// path is a file's, relative to the working directory, as suites give it.
func (a *authority) path(t *testing.T, file string) string {
	t.Helper()
	wd, err := os.Getwd()
	require.NoError(t, err)
	p, err := filepath.Rel(wd, filepath.Join(a.dir, file))
	require.NoError(t, err)
	return p
}

// Plain HTTP and TLS beside each other; with verify_incoming_https only those
// with a certificate get in.
func TestTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	ca.issue(t, "server", &x509.Certificate{DNSNames: []string{"consul.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}})
	ca.issue(t, "client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	for _, c := range []struct {
		name   string
		verify bool
	}{{"anybody", false}, {"verified", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, plain := start(t, func(conf *testutil.TestServerConfig) {
				conf.CAFile, conf.CertFile, conf.KeyFile = ca.path(t, "ca.crt"), ca.path(t, "server.crt"), ca.path(t, "server.key")
				conf.VerifyIncomingHTTPS = c.verify
			})
			_, err := plain.Status().Leader()
			require.NoError(t, err)
			ask := func(tls api.TLSConfig) error {
				client, err := api.NewClient(&api.Config{Address: s.HTTPSAddr, Scheme: "https", TLSConfig: tls})
				require.NoError(t, err)
				_, err = client.Status().Leader()
				return err
			}
			known := api.TLSConfig{Address: "consul.test", CAFile: ca.path(t, "ca.crt")}
			require.Equal(t, c.verify, ask(known) != nil)
			known.CertFile, known.KeyFile = ca.path(t, "client.crt"), ca.path(t, "client.key")
			require.NoError(t, ask(known))
			require.ErrorContains(t, ask(api.TLSConfig{}), "certificate")
		})
	}
}
