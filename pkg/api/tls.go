package api

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
)

// load reads the files the configuration names.
func (t TLSConfig) load() (*tls.Config, error) {
	conf := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         t.ServerName,
		InsecureSkipVerify: t.InsecureSkipVerify,
	}
	if t.CAFile != "" || t.CAPath != "" {
		pool, err := t.loadCAs()
		if err != nil {
			return nil, err
		}
		conf.RootCAs = pool
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		return nil, E(Invalid, "client certificate and key must be given together")
	}
	if t.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		if err != nil {
			return nil, Wrap(Invalid, "load client certificate", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// loadCAs reads CAFile, or else every file in CAPath.
func (t TLSConfig) loadCAs() (*x509.CertPool, error) {
	files := []string{t.CAFile}
	if t.CAFile == "" {
		entries, err := os.ReadDir(t.CAPath)
		if err != nil {
			return nil, Wrap(Invalid, "read CA directory", err)
		}
		files = files[:0]
		for _, e := range entries {
			if !e.IsDir() {
				files = append(files, filepath.Join(t.CAPath, e.Name()))
			}
		}
		if len(files) == 0 {
			return nil, E(Invalid, fmt.Sprintf("no CA certificates in directory %s", t.CAPath))
		}
	}
	pool := x509.NewCertPool()
	for _, f := range files {
		pem, err := os.ReadFile(f)
		if err != nil {
			return nil, Wrap(Invalid, "read CA certificates", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, E(Invalid, fmt.Sprintf("no CA certificate in %s", f))
		}
	}
	return pool, nil
}
