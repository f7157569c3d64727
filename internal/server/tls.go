package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/registryd/registryd/internal/config"
	"github.com/registryd/registryd/internal/raft"
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

// portTLS is how the server port is secured; nil means not at all. All servers
// of a cluster have to agree.
type portTLS struct {
	in  *tls.Config // nil: accept without
	out *tls.Config // nil: connect without
}

// serverTLS returns the security of the server port, which is on as soon as
// tls.internal_rpc verifies one direction or has a certificate to show.
func serverTLS(c *config.Config) (*portTLS, error) {
	d := c.TLS.InternalRPC
	if !d.VerifyIncoming && !d.VerifyOutgoing && !d.VerifyServerHostname {
		return nil, nil
	}
	in, err := doorTLS(d)
	if err != nil {
		return nil, err
	}
	if in == nil {
		return nil, errors.New("tls.internal_rpc verifies connections but there is no certificate: set cert_file and key_file")
	}
	out := &tls.Config{Certificates: in.Certificates, MinVersion: in.MinVersion, CipherSuites: in.CipherSuites}
	if d.HasCA() {
		if out.RootCAs, err = roots(d); err != nil {
			return nil, err
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
	return &portTLS{in, out}, nil
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

// wrap puts TLS around the listeners and connections of consensus.
func (p *portTLS) wrap(c *raft.Config) {
	if p == nil {
		return
	}
	c.Listener = tls.NewListener(c.Listener, p.in)
	for i, l := range c.ExtraListeners {
		c.ExtraListeners[i] = tls.NewListener(l, p.in)
	}
	dial := c.Dial
	if dial == nil {
		dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}
	}
	c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
		plain, err := dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(plain, p.out)
		if err := conn.HandshakeContext(ctx); err != nil {
			plain.Close()
			return nil, fmt.Errorf("secure the connection to %s: %w", addr, err)
		}
		return conn, nil
	}
}
