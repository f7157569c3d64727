package checks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/registryd/registryd/pkg/api"
)

// prober runs one probe at a time for each caller. It keeps no state between
// runs.
type prober struct {
	log       *slog.Logger
	outputMax int
	http      http.RoundTripper          // nil: a transport for each kind of TLS setting
	plain     atomic.Pointer[plainHTTP]  // for requests without TLS settings of their own
	tlsBase   atomic.Pointer[tls.Config] // nil or the server's
	docker    string
	systemctl string // the command that knows the services of the host
}

func newProber(cfg Config) *prober {
	p := &prober{
		log:       cfg.Logger,
		outputMax: cfg.OutputMax,
		http:      cfg.HTTPTransport,
		docker:    cfg.DockerHost,
		systemctl: "systemctl",
	}
	p.setTLS(cfg.TLSConfig)
	return p
}

// setTLS changes where the TLS settings of probes start from.
func (p *prober) setTLS(base *tls.Config) {
	p.tlsBase.Store(base)
	p.plain.Store(newPlainHTTP(p.transport(&api.CheckDefinition{})))
}

// run probes once and returns what came of it. It returns soon after ctx ends.
// A panic counts as a failed probe: a strange answer must not end the server.
func (p *prober) run(ctx context.Context, id ID, k kind, def *api.CheckDefinition) (status, output string) {
	defer func() {
		if v := recover(); v != nil {
			p.log.Error("check panicked", "node", id.Node, "check", id.CheckID,
				"panic", v, "stack", string(debug.Stack()))
			status, output = api.Critical, fmt.Sprintf("check panicked: %v", v)
		}
	}()
	switch k {
	case kindHTTP:
		return p.probeHTTP(ctx, def)
	case kindTCP:
		return p.probeTCP(ctx, def)
	case kindUDP:
		return p.probeUDP(ctx, def)
	case kindGRPC:
		return p.probeGRPC(ctx, def)
	case kindH2Ping:
		return p.probeH2Ping(ctx, def)
	case kindScript:
		return p.probeScript(ctx, def)
	case kindOSService:
		return p.probeOSService(ctx, def)
	case kindDocker:
		return p.probeDocker(ctx, def)
	}
	return failed(fmt.Errorf("a check of type %q is not probed", k))
}

// limit returns how many bytes of output def may have.
func (p *prober) limit(def *api.CheckDefinition) int { return outputMax(def, p.outputMax) }

// failed is the outcome of a probe that could not be made.
func failed(err error) (status, output string) { return api.Critical, err.Error() }

// timedOut is the outcome of a command that ran out of time.
func timedOut(def *api.CheckDefinition, k kind, output string) (string, string) {
	msg := fmt.Sprintf("Timed out (%s) running check", timeout(def, k))
	if output != "" {
		msg += "\n\n" + output
	}
	return api.Critical, msg
}

// byExit is the status an exit code stands for, as with Nagios plugins.
func byExit(code int) string {
	switch code {
	case 0:
		return api.Passing
	case 1:
		return api.Warning
	}
	return api.Critical
}

// tls returns the TLS settings of a probe.
func (p *prober) tls(def *api.CheckDefinition, protocols ...string) *tls.Config {
	c := &tls.Config{}
	if base := p.tlsBase.Load(); base != nil {
		c = base.Clone()
	}
	c.InsecureSkipVerify = def.TLSSkipVerify
	c.ServerName = def.TLSServerName
	c.NextProtos = protocols
	return c
}

// dial connects to addr, with TLS if so asked.
func (p *prober) dial(ctx context.Context, addr string, useTLS bool, def *api.CheckDefinition, protocols ...string) (net.Conn, error) {
	if !useTLS {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", addr)
	}
	d := tls.Dialer{Config: p.tls(def, protocols...)}
	return d.DialContext(ctx, "tcp", addr)
}

// bound ends all reading and writing on conn when ctx ends; release undoes it.
func bound(ctx context.Context, conn net.Conn) (release func() bool) {
	if d, ok := ctx.Deadline(); ok {
		// A failure shows at the first use of conn.
		_ = conn.SetDeadline(d)
	}
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

// isTimeout reports whether err is a deadline that passed.
func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
