package httpapi

import (
	"github.com/registryd/registryd/internal/registry"
	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// caRoots serves GET /v1/connect/ca/roots and /v1/agent/connect/ca/roots; with
// ?pem=true the bare certificates.
func (h *Handler) caRoots(q *request) (reply, error) {
	return h.read(q, readMode{cache: true}, func(st *store.State) (look, error) {
		ca, err := h.reg.CA(st)
		if err != nil {
			return look{}, err
		}
		l := tableLook(st, store.TableCA, func() (any, error) { return registry.Roots(ca) })
		if q.get("pem") == "true" {
			l.kind = "application/pem-certificate-chain"
			l.body = func() (*encoded, error) { return encode(ca.Cert), nil }
		}
		return l, nil
	})
}

// caLeaf serves GET /v1/agent/connect/ca/leaf/SERVICE. A request that waits is
// answered at its limit at the latest; that is soon enough for a certificate
// that is replaced a day before it ends.
func (h *Handler) caLeaf(q *request) (reply, error) {
	if q.name == "" {
		return reply{}, api.E(api.Invalid, "Missing service name")
	}
	return h.read(q, readMode{cache: true}, func(st *store.State) (look, error) {
		l, err := h.reg.Leaf(st, q.name)
		if err != nil {
			return look{}, err
		}
		t := st.Table(store.TableCA)
		return look{index: l.ModifyIndex, watch: &t.Watch, body: func() (*encoded, error) { return encodeJSON(l.LeafCert) }}, nil
	})
}
