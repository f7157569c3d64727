package httpapi

import (
	"context"
	"net"

	"github.com/registryd/registryd/internal/registry"
)

// ConnContext returns the context for the requests of a connection: it says
// where they come from. It is for http.Server's field of that name, so it costs
// something once for a connection and nothing for a request.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	return registry.WithClient(ctx, clientAddress(c.RemoteAddr()))
}

// clientAddress is the address as the history shows it: without port and zone.
func clientAddress(a net.Addr) string {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("").String()
	}
	if a == nil {
		return ""
	}
	return a.Network() // a Unix socket's other end has no name
}
