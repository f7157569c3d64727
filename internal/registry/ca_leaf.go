package registry

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// leafLimit bounds the services whose certificate a server keeps. Beyond it all
// are forgotten: new ones are made when asked for.
const leafLimit = 4096

// leafs are the certificates this server has made. Each server makes its own:
// all are signed by the same root.
type leafs struct {
	mu        sync.Mutex
	byService map[string]*Leaf
}

// Leaf is a certificate of a service with its key.
type Leaf struct {
	api.LeafCert
	root  string    // ID of the root that signed it
	renew time.Time // when it is replaced, long before it ends
}

// Leaf returns a certificate for a service with a SPIFFE URI, made when there is
// none yet, when it has lived two thirds of its life, or when the root is
// another. Its ModifyIndex rises when it is replaced.
func (r *Registry) Leaf(st *store.State, service string) (*Leaf, error) {
	ca, err := r.CA(st)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	r.leafs.mu.Lock()
	defer r.leafs.mu.Unlock()
	old := r.leafs.byService[service]
	if old != nil && old.root == ca.ID && now.Before(old.renew) {
		return old, nil
	}
	l, err := newLeaf(ca, r.cfg.Datacenter, service, now)
	if err != nil {
		return nil, err
	}
	l.CreateIndex = st.Index()
	if old != nil {
		l.CreateIndex = max(old.ModifyIndex+1, st.Index())
	}
	l.ModifyIndex = l.CreateIndex
	if len(r.leafs.byService) >= leafLimit {
		clear(r.leafs.byService)
	}
	r.leafs.byService[service] = l
	return l, nil
}

func newLeaf(ca *store.CA, dc, service string, now time.Time) (*Leaf, error) {
	root, err := parseCert(ca.Cert)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(ca.Key)
	if block == nil {
		return nil, api.E(api.Internal, "the stored root key is damaged")
	}
	signer, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, api.Wrap(api.Internal, "read the stored root key", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	uri := &url.URL{Scheme: "spiffe", Host: ca.TrustDomain, Path: "/ns/default/dc/" + dc + "/svc/" + service}
	end := now.Add(leafLife)
	if end.After(root.NotAfter) {
		end = root.NotAfter
	}
	tmpl := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: service}, URIs: []*url.URL{uri},
		NotBefore: now.Add(-backdate), NotAfter: end, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, root, &key.PublicKey, signer)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	priv, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode a key: %w", err)
	}
	return &Leaf{root: ca.ID, renew: now.Add(end.Sub(now) * 2 / 3), LeafCert: api.LeafCert{
		SerialNumber: hexPairs(serial.Bytes()), CertPEM: string(toPEM("CERTIFICATE", der)), PrivateKeyPEM: string(toPEM("EC PRIVATE KEY", priv)),
		Service: service, ServiceURI: uri.String(), ValidAfter: tmpl.NotBefore, ValidBefore: tmpl.NotAfter,
	}}, nil
}
