package server

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
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/registryd/registryd/internal/config"
)

// writeCertificates makes an authority and a certificate of it in dir.
func writeCertificates(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	require.NoError(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"server.dc1.consul"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	for name, b := range map[string]*pem.Block{
		"ca.pem": {Type: "CERTIFICATE", Bytes: caDER}, "cert.pem": {Type: "CERTIFICATE", Bytes: leafDER}, "key.pem": {Type: "EC PRIVATE KEY", Bytes: keyDER},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600))
	}
}

// TestServersSpeakTLS forms a cluster of two over a secured server port; a
// connection without TLS is not answered.
func TestServersSpeakTLS(t *testing.T) {
	dir := t.TempDir()
	writeCertificates(t, dir)
	var servers []*Server
	for i := range 2 {
		set := func(key, value string) config.Setting { return config.Setting{Key: key, Value: value, Origin: "test"} }
		settings := []config.Setting{
			set("server", "true"), set("bootstrap_expect", "2"), set("data_dir", t.TempDir()), set("node_name", "s"+strconv.Itoa(i)), set("bind_addr", "127.0.0.1"),
			set("ports.http", "0"), set("ports.server", "0"), set("ports.serf_lan", "-1"), set("ports.dns", "-1"),
		}
		if i > 0 {
			settings = append(settings, set("retry_join", servers[0].advertise))
		}
		cfg, err := config.Load(config.Sources{Settings: settings, Fragments: []string{`tls { internal_rpc {
			ca_file = "` + dir + `/ca.pem" cert_file = "` + dir + `/cert.pem" key_file = "` + dir + `/key.pem"
			verify_incoming = true verify_outgoing = true verify_server_hostname = true
		} }`}})
		require.NoError(t, err)
		s, err := Open(cfg, Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		servers = append(servers, s)
	}
	require.Eventually(t, func() bool { return len(servers[1].registry.State().ServerNodes()) == 2 }, waitLong, waitStep)

	c, err := net.Dial("tcp", servers[0].advertise)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetDeadline(time.Now().Add(waitLong)))
	_, err = c.Write([]byte("not TLS at all"))
	require.NoError(t, err)
	for b := make([]byte, 64); err == nil; {
		_, err = c.Read(b) // an alert, then the end
	}
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
}
