package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
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

// writeCertificates makes an authority and a certificate of it in dir, for the
// servers and for 127.0.0.1; serial tells one from another.
func writeCertificates(t *testing.T, dir string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ca"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	require.NoError(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"server.dc1.consul"}, IPAddresses: []net.IP{{127, 0, 0, 1}},
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
	writeCertificates(t, dir, 2)
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

// TestReloadTakesNewCertificates changes the files beneath a running server. One
// that cannot be read leaves the old in force.
func TestReloadTakesNewCertificates(t *testing.T) {
	dir := t.TempDir()
	writeCertificates(t, dir, 2)
	load := func() (*config.Config, error) {
		set := func(key, value string) config.Setting { return config.Setting{Key: key, Value: value, Origin: "test"} }
		return config.Load(config.Sources{Settings: []config.Setting{
			set("server", "true"), set("bootstrap", "true"), set("data_dir", filepath.Join(dir, "data")), set("node_name", "s"), set("bind_addr", "127.0.0.1"),
			set("ports.http", "0"), set("ports.https", "0"), set("ports.server", "0"), set("ports.serf_lan", "-1"), set("ports.dns", "-1"),
		}, Fragments: []string{`tls {
			https { cert_file = "` + dir + `/cert.pem" key_file = "` + dir + `/key.pem" }
			internal_rpc { ca_file = "` + dir + `/ca.pem" cert_file = "` + dir + `/cert.pem" key_file = "` + dir + `/key.pem" verify_incoming = true }
		}`}})
	}
	cfg, err := load()
	require.NoError(t, err)
	s, err := Open(cfg, Options{Reload: load})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })

	// serial returns that of the certificate shown at an address.
	serial := func(addr string) int64 {
		own, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
		require.NoError(t, err)
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{own}})
		require.NoError(t, err)
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	https := s.doors.https[0].Addr().String()
	require.EqualValues(t, 2, serial(https))
	require.EqualValues(t, 2, serial(s.advertise))
	writeCertificates(t, dir, 3)
	require.EqualValues(t, 2, serial(https), "until a reload")
	require.NoError(t, s.Reload())
	require.EqualValues(t, 3, serial(https))
	require.EqualValues(t, 3, serial(s.advertise))

	good, err := os.ReadFile(filepath.Join(dir, "key.pem"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key.pem"), []byte("none"), 0o600))
	require.ErrorContains(t, s.Reload(), "key.pem")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key.pem"), good, 0o600))
	require.EqualValues(t, 3, serial(https))
}
