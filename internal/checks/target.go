package checks

import (
	"cmp"
	"net"
	"net/url"
	"strings"

	"github.com/registryd/registryd/pkg/api"
)

// Target returns what def looks at: a URL, host:port, the command, the name of
// the service or node. A password in the URL is not told. It is empty for a TTL
// check, which waits to be told.
func Target(def *api.CheckDefinition) string {
	switch kindOf(def) {
	case kindHTTP:
		if u, err := url.Parse(def.HTTP); err == nil && u.User != nil {
			return u.Redacted()
		}
		return def.HTTP
	case kindTCP:
		return def.TCP
	case kindUDP:
		return def.UDP
	case kindGRPC:
		return def.GRPC
	case kindH2Ping:
		return def.H2PING
	case kindScript:
		return strings.Join(def.Args, " ")
	case kindDocker:
		return def.DockerContainerID + ": " + strings.Join(def.Args, " ")
	case kindOSService:
		return def.OSService
	case kindAlias:
		return cmp.Or(def.AliasService, def.AliasNode)
	}
	return ""
}

// hostOf returns the host a probe goes to, without its port; empty for what
// runs on this server. It is a part of def's own text: nothing is allocated.
func hostOf(def *api.CheckDefinition, k kind) string {
	switch k {
	case kindHTTP:
		return hostOfURL(def.HTTP)
	case kindTCP:
		return withoutPort(def.TCP)
	case kindUDP:
		return withoutPort(def.UDP)
	case kindGRPC:
		addr, _, _ := strings.Cut(def.GRPC, "/")
		return withoutPort(addr)
	case kindH2Ping:
		return withoutPort(def.H2PING)
	}
	return ""
}

// hostOfURL cuts the host out. A URL that cannot be read is as good a name for
// the line it waits in as any: its probe says what is wrong.
func hostOfURL(u string) string {
	if _, rest, ok := strings.Cut(u, "://"); ok {
		u = rest
	}
	if i := strings.IndexAny(u, "/?#"); i >= 0 {
		u = u[:i]
	}
	if i := strings.LastIndexByte(u, '@'); i >= 0 {
		u = u[i+1:]
	}
	return withoutPort(u)
}

// withoutPort returns the host of host:port, and what has no port as it is.
func withoutPort(addr string) string {
	if h, _, err := net.SplitHostPort(addr); err == nil {
		return h
	}
	return addr
}
