package api

import (
	"context"
	"time"
)

// CA asks the cluster's small certificate authority. Its calls fail while it
// is switched off.
type CA struct{ c *Client }

// CA returns the calls below /v1/connect/ca and /v1/agent/connect/ca.
func (c *Client) CA() CA { return CA{c} }

// CARoots are the certificates to trust.
type CARoots struct {
	ActiveRootID string
	TrustDomain  string
	Roots        []*CARoot
}

// CARoot is a root certificate.
type CARoot struct {
	ID                  string
	Name                string
	SerialNumber        uint64
	SigningKeyID        string
	ExternalTrustDomain string
	NotBefore           time.Time
	NotAfter            time.Time
	RootCert            string // PEM
	IntermediateCerts   []string
	Active              bool
	PrivateKeyType      string
	PrivateKeyBits      int
	CreateIndex         uint64
	ModifyIndex         uint64
}

// LeafCert is a certificate for a service with its key.
type LeafCert struct {
	SerialNumber  string
	CertPEM       string
	PrivateKeyPEM string
	Service       string
	ServiceURI    string // the SPIFFE identity
	ValidAfter    time.Time
	ValidBefore   time.Time
	CreateIndex   uint64
	ModifyIndex   uint64
}

// Roots returns the certificates to trust; it can wait for a change.
func (k CA) Roots(ctx context.Context, q *QueryOptions) (*CARoots, QueryMeta, error) {
	return get[*CARoots](ctx, k.c, "/v1/agent/connect/ca/roots", nil, q)
}

// Leaf returns a certificate for a service; it can wait for the one that
// replaces it.
func (k CA) Leaf(ctx context.Context, service string, q *QueryOptions) (*LeafCert, QueryMeta, error) {
	if err := named("service name", service); err != nil {
		return nil, QueryMeta{}, err
	}
	return get[*LeafCert](ctx, k.c, "/v1/agent/connect/ca/leaf/"+escape(service), nil, q)
}
