package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/registryd/registryd/internal/config"
)

// tlsSettings are what a configuration and the files that it names mean by now.
type tlsSettings struct {
	https   *tls.Config // of the HTTPS door; nil without a certificate
	portIn  *tls.Config // of connections from other servers; nil: they are not secured
	portOut *tls.Config // of connections to other servers; nil: they are not secured
	checks  *tls.Config // where those of probes start from; nil for the system's
}

func readTLS(c *config.Config) (*tlsSettings, error) {
	t := &tlsSettings{}
	var err error
	if t.https, err = doorTLS(c.TLS.HTTPS); err != nil {
		return nil, err
	}
	if t.https != nil {
		t.https.NextProtos = []string{"h2", "http/1.1"}
	}
	if t.portIn, t.portOut, err = portTLS(c); err != nil {
		return nil, err
	}
	t.checks, err = checksTLS(c)
	return t, err
}

// doorTLS returns the TLS settings of a listener; nil without a certificate.
func doorTLS(d config.TLSDoor) (*tls.Config, error) {
	if !d.HasCertificate() {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(d.CertFile, d.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s and key %s: %w", d.CertFile, d.KeyFile, err)
	}
	t := &tls.Config{Certificates: []tls.Certificate{cert}}
	if t.MinVersion, err = d.MinTLSVersion(); err != nil {
		return nil, err
	}
	if t.CipherSuites, err = d.Ciphers(); err != nil {
		return nil, err
	}
	if d.HasCA() {
		if t.ClientCAs, err = roots(d); err != nil {
			return nil, err
		}
	}
	if d.VerifyIncoming {
		t.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return t, nil
}

// checksTLS returns where the TLS settings of probes start from; nil for the
// system's.
func checksTLS(c *config.Config) (*tls.Config, error) {
	if !c.EnableAgentTLSForChecks {
		return nil, nil
	}
	d := c.TLS.HTTPS
	t := &tls.Config{}
	if d.HasCertificate() {
		cert, err := tls.LoadX509KeyPair(d.CertFile, d.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read certificate %s and key %s: %w", d.CertFile, d.KeyFile, err)
		}
		t.Certificates = []tls.Certificate{cert}
	}
	if d.HasCA() {
		pool, err := roots(d)
		if err != nil {
			return nil, err
		}
		t.RootCAs = pool
	}
	return t, nil
}

// roots reads the authorities that a door trusts.
func roots(d config.TLSDoor) (*x509.CertPool, error) {
	files := []string{}
	if d.CAFile != "" {
		files = append(files, d.CAFile)
	}
	if d.CAPath != "" {
		more, err := filepath.Glob(filepath.Join(d.CAPath, "*"))
		if err != nil {
			return nil, fmt.Errorf("list authorities in %s: %w", d.CAPath, err)
		}
		files = append(files, more...)
	}
	pool := x509.NewCertPool()
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("read authority %s: %w", f, err)
		}
		if !pool.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("authority %s holds no certificate in PEM form", f)
		}
	}
	return pool, nil
}

// portTLS returns the settings for both directions of the server port, which is
// secured as soon as tls.internal_rpc verifies one; nil if it is not.
func portTLS(c *config.Config) (in, out *tls.Config, err error) {
	d := c.TLS.InternalRPC
	if !d.VerifyIncoming && !d.VerifyOutgoing && !d.VerifyServerHostname {
		return nil, nil, nil
	}
	if in, err = doorTLS(d); err != nil {
		return nil, nil, err
	}
	if in == nil {
		return nil, nil, errors.New("tls.internal_rpc verifies connections but there is no certificate: set cert_file and key_file")
	}
	out = &tls.Config{Certificates: in.Certificates, MinVersion: in.MinVersion, CipherSuites: in.CipherSuites}
	if d.HasCA() {
		if out.RootCAs, err = roots(d); err != nil {
			return nil, nil, err
		}
	}
	if name := "server." + c.Datacenter + "." + strings.TrimSuffix(c.Domain, "."); d.VerifyServerHostname {
		out.ServerName = name
	} else {
		// Servers are met at addresses; what counts is who signed for them.
		out.InsecureSkipVerify = true
		if d.VerifyOutgoing {
			out.VerifyConnection = signedBy(out.RootCAs)
		}
	}
	return in, out, nil
}

// signedBy verifies a peer's certificate but not for which name it is.
func signedBy(pool *x509.CertPool) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		between := x509.NewCertPool()
		for _, c := range s.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool, Intermediates: between})
		return err
	}
}
