package dnsserver

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/miekg/dns"

	"github.com/registryd/registryd/internal/store"
	"github.com/registryd/registryd/pkg/api"
)

// Queries runs prepared queries. It is called from many goroutines at once.
type Queries interface {
	// ExecuteDNS runs the query with the name or ID, for a client at an
	// address. The error is of kind NotFound if no query fits.
	ExecuteDNS(ctx context.Context, nameOrID string, from netip.Addr) (QueryResult, error)
}

// QueryResult is what a prepared query came to.
type QueryResult struct {
	Service   string            // the service that was found
	Instances []*store.Instance // to be named in this order
	TTL       time.Duration     // of the records, when HasTTL
	HasTTL    bool              // the query has a TTL of its own; else that of the service holds
	// UsedAddress is set when the result depends on the client's address, so
	// that it is not kept for other clients.
	UsedAddress bool
}

// query answers with the outcome of a prepared query.
func (r *request) query(nameOrID string) reply {
	if r.cfg.Queries == nil || nameOrID == "" {
		return r.nothing()
	}
	res, err := r.cfg.Queries.ExecuteDNS(r.ctx, nameOrID, r.source())
	if errors.Is(err, api.NotFound) {
		return r.nothing()
	}
	if err != nil {
		r.log.Debug("prepared query failed", "query", nameOrID, "error", err)
		return reply{rcode: dns.RcodeServerFailure}
	}
	ttl := r.set.ttls.of(res.Service)
	if res.HasTTL {
		ttl = seconds(res.TTL)
	}
	a := r.instances(res.Instances, ttl)
	a.scoped = res.UsedAddress
	return a
}

// source is where the question comes from: the subnet it names, else the
// address that sent it.
func (r *request) source() netip.Addr {
	if subnet := subnetOf(r.msg.IsEdns0()); subnet != nil {
		if ip, ok := netip.AddrFromSlice(subnet.Address); ok && !ip.IsUnspecified() {
			return ip.Unmap()
		}
	}
	return r.from.Unmap()
}
