package server

import (
	"context"
	"net/netip"
	"time"

	"github.com/registryd/registryd/internal/dnsserver"
	"github.com/registryd/registryd/internal/registry"
)

// dnsQueries lets the DNS door run prepared queries without knowing the
// registry.
type dnsQueries struct{ r *registry.Registry }

// ExecuteDNS implements dnsserver.Queries.
func (d dnsQueries) ExecuteDNS(_ context.Context, name string, _ netip.Addr) (dnsserver.QueryResult, error) {
	st := d.r.State()
	q, err := registry.FindQuery(st, name)
	if err != nil {
		return dnsserver.QueryResult{}, err
	}
	res := dnsserver.QueryResult{Service: q.Service.Service, Instances: d.r.RunQuery(st, q, q.Service.Near, 0)}
	if q.DNS.TTL != "" {
		if res.TTL, err = time.ParseDuration(q.DNS.TTL); err == nil {
			res.HasTTL = true
		}
	}
	return res, nil
}
