package server

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"

	"github.com/registryd/registryd/internal/config"
)

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
