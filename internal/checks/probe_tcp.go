package checks

import (
	"context"
	"fmt"
	"net"

	"github.com/registryd/registryd/pkg/api"
)

// probeTCP is passing when a connection (and TLS session) can be made.
func (p *prober) probeTCP(ctx context.Context, def *api.CheckDefinition) (status, output string) {
	conn, err := p.dial(ctx, def.TCP, def.TCPUseTLS, def)
	if err != nil {
		return failed(err)
	}
	conn.Close()
	name := "TCP"
	if def.TCPUseTLS {
		name = "TCP+TLS"
	}
	return api.Passing, fmt.Sprintf("%s connect %s: Success", name, def.TCP)
}

// probeUDP sends an empty datagram. Silence until the timeout is passing, for
// few services answer one; only a refusal is critical.
func (p *prober) probeUDP(ctx context.Context, def *api.CheckDefinition) (status, output string) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", def.UDP)
	if err != nil {
		return failed(err)
	}
	defer conn.Close()
	defer bound(ctx, conn)()
	if _, err := conn.Write(nil); err != nil {
		return failed(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil && !isTimeout(err) {
		return failed(err)
	}
	return api.Passing, fmt.Sprintf("UDP connect %s: Success", def.UDP)
}
