package registry

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// How long certificates are good for, and how far their beginning lies in the
// past so that clocks may differ a little.
const (
	rootLife = 10 * 365 * 24 * time.Hour
	leafLife = 72 * time.Hour
	backdate = time.Minute
)

var errNoCA = api.E(api.Refused, "Connect must be enabled in order to use this endpoint")

// makeCA makes the certificate authority, once for the whole cluster.
func (r *Registry) makeCA(ctx context.Context) {
	for r.cfg.Connect && ctx.Err() == nil && r.State().CA() == nil {
		ca, err := newCA(time.Now(), r.cfg.ClusterID)
		if err == nil {
			_, err = r.propose(ctx, &store.SetCA{CA: *ca})
		}
		if err == nil {
			return
		}
		r.log.Warn("cannot make the certificate authority, trying again", "error", err)
		select {
		case <-time.After(retryDelay):
		case <-ctx.Done():
		}
	}
}

// CA returns the certificate authority in a state; an error that says so where
// it is switched off or not made yet.
func (r *Registry) CA(st *store.State) (*store.CA, error) {
	if !r.cfg.Connect {
		return nil, errNoCA
	}
	if ca := st.CA(); ca != nil {
		return ca, nil
	}
	return nil, api.E(api.Unavailable, "the certificate authority is not made yet")
}

// newCA makes a root: an ECDSA key on P-256 and a certificate that names the
// trust domain. An empty id means a random one.
func newCA(now time.Time, id string) (*store.CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the root's key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	if id == "" {
		id = uuid.NewString()
	}
	trust := id + ".consul"
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "registryd CA " + trust},
		URIs:      []*url.URL{{Scheme: "spiffe", Host: trust}},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(rootLife),
		IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make the root certificate: %w", err)
	}
	priv, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the root's key: %w", err)
	}
	return &store.CA{ID: fingerprint(der), TrustDomain: trust, Cert: toPEM("CERTIFICATE", der), Key: toPEM("EC PRIVATE KEY", priv)}, nil
}

func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 62))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	return n.Add(n, big.NewInt(1)), nil
}

func toPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// fingerprint is the SHA-256 of a certificate as pairs of digits.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hexPairs(sum[:])
}

// Roots describes the certificate authority as clients ask for it.
func Roots(ca *store.CA) (*api.CARoots, error) {
	cert, err := parseCert(ca.Cert)
	if err != nil {
		return nil, err
	}
	root := &api.CARoot{ID: ca.ID, Name: "registryd CA Root Cert", SerialNumber: cert.SerialNumber.Uint64(), SigningKeyID: hexPairs(cert.SubjectKeyId),
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, RootCert: string(ca.Cert), Active: true, PrivateKeyType: "ec", PrivateKeyBits: 256,
		CreateIndex: ca.CreateIndex, ModifyIndex: ca.ModifyIndex, ExternalTrustDomain: strings.TrimSuffix(ca.TrustDomain, ".consul")}
	return &api.CARoots{ActiveRootID: ca.ID, TrustDomain: ca.TrustDomain, Roots: []*api.CARoot{root}}, nil
}

func hexPairs(b []byte) string {
	l := make([]string, len(b))
	for i, c := range b {
		l[i] = fmt.Sprintf("%02x", c)
	}
	return strings.Join(l, ":")
}

func parseCert(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, api.E(api.Internal, "the stored root certificate is damaged")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	return cert, api.Wrap(api.Internal, "read the stored root certificate", err)
}
